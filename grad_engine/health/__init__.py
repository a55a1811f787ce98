"""Is a model well? In flows a GraphRecord, out flows a Report: a row for each parameter, and findings in sentences.

rows.py measures parameters and modules, findings.py says what is wrong, of what not_finite.py, scale.py, units.py and
losses.py find; told.py tells each cause once. text.py makes lines for a terminal.
"""

from __future__ import annotations

from grad_engine.health.history import History, HistoryRow
from grad_engine.health.report import Report, report_of
from grad_engine.health.rows import ModuleRow, ParameterRow
from grad_engine.record.layers import LayerRow

__all__ = ["History", "HistoryRow", "LayerRow", "ModuleRow", "ParameterRow", "Report", "report_of"]
