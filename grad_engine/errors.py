"""Every error the engine raises on purpose; each says what was asked, what was got and the way out.

Where NumPy or Python has a class for the same fault, each is of that class too.
"""

import numpy as np


class GradEngineError(Exception):
    """Base class: catch this to catch everything the engine raises on purpose."""


class GraphError(GradEngineError, RuntimeError):
    """The backward graph cannot be walked, differentiated or exported as asked."""


class InPlaceError(GraphError):
    """A value was changed in place where its gradient would have become wrong."""


class NotDifferentiableError(GradEngineError, TypeError):
    """A function that no op in the table covers met a Tensor, or an operand that cannot carry a gradient."""


class ShapeError(GradEngineError, ValueError):
    """Shapes or axes do not fit what was asked."""


class AxisError(ShapeError, np.exceptions.AxisError):
    """An axis does not exist in the tensor it was asked of; NumPy's AxisError too."""


class ArgumentError(GradEngineError, TypeError):
    """A keyword or an operand of a kind that the op does not take."""


class TruthError(GradEngineError, ValueError):
    """Several comparisons were asked for one answer, as `if x > y` and `max(x, y)` do."""


class RecordError(GradEngineError, ValueError):
    """A record file does not keep the format; the message names the place in the file and what was expected there."""


class IndexingError(GradEngineError, IndexError):
    """An index does not fit the tensor it was asked of."""


class MissingRecordError(RecordError, FileNotFoundError):
    """There is no record file under that path; the message says how to make one."""


class MissingPackageError(GradEngineError, ImportError):
    """An optional package that this needs is not installed; the message says which."""


class MissingModuleError(GradEngineError, ModuleNotFoundError):
    """There is no module of that name in this package; the message says what to write."""


class SingularError(GradEngineError, np.linalg.LinAlgError):
    """A matrix lacks what was asked of it (an inverse, a Cholesky factor, ...), or that has no gradient there."""


class AnomalyError(GradEngineError, FloatingPointError):
    """Inside detect_anomaly(), a NaN or an infinity was made out of finite numbers."""


class TensorFileError(GradEngineError, ValueError):
    """A file of tensors cannot be written or read as asked; the message starts with its path."""


class MissingTensorFileError(TensorFileError, FileNotFoundError):
    """There is no file of tensors under that path."""


class TraceError(GradEngineError, TypeError):
    """A function that is compiled asked for a value that is known only when its program runs."""


class FormulaError(GradEngineError, ValueError):
    """A formula tree cannot be evaluated: it has words in it, or calls what is not known."""


class SpellingWarning(UserWarning):
    """A call that PyTorch understands otherwise; the message has both meanings, and how to write each."""


class LostHistoryWarning(UserWarning):
    """A tensor that requires grad became a plain number, through which no gradient flows."""
