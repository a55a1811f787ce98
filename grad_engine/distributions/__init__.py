"""Probability distributions with PyTorch's names: sample, rsample, log_prob, entropy, kl_divergence.

    action = Categorical(logits=scores).sample()          a draw, without a gradient
    z = Normal(mean, std).rsample()                       a draw that is a function of mean and std
    loss = -Normal(mean, std).log_prob(target).mean()     a density

Draws come from the generator of manual_seed(). Rows of parameters are a batch: log_prob has one number for each. The
densities of Beta, Gamma, Dirichlet, StudentT and of counts need SciPy for the gamma function.
"""

from typing import Any

from grad_engine.core.torch_words import missing
from grad_engine.distributions import kl, transforms
from grad_engine.distributions.combined import (
    Independent,
    MixtureSameFamily,
    RelaxedBernoulli,
    RelaxedOneHotCategorical,
    TransformedDistribution,
)
from grad_engine.distributions.continuous import (
    Beta,
    Cauchy,
    Chi2,
    Dirichlet,
    Exponential,
    Gamma,
    Gumbel,
    HalfNormal,
    Laplace,
    LogNormal,
    MultivariateNormal,
    Normal,
    StudentT,
    Uniform,
)
from grad_engine.distributions.discrete import (
    Bernoulli,
    Binomial,
    Categorical,
    Geometric,
    Multinomial,
    OneHotCategorical,
    OneHotCategoricalStraightThrough,
    Poisson,
)
from grad_engine.distributions.distribution import Distribution
from grad_engine.distributions.kl import kl_divergence, register_kl
from grad_engine.distributions.positive import (
    HalfCauchy,
    InverseGamma,
    Kumaraswamy,
    NegativeBinomial,
    Pareto,
    VonMises,
    Weibull,
)
from grad_engine.distributions.transforms import (
    AffineTransform,
    ComposeTransform,
    ExpTransform,
    PowerTransform,
    SigmoidTransform,
    SoftplusTransform,
    TanhTransform,
    Transform,
    identity_transform,
)

__all__ = [
    "AffineTransform",
    "Bernoulli",
    "Beta",
    "Binomial",
    "Categorical",
    "Cauchy",
    "Chi2",
    "ComposeTransform",
    "Dirichlet",
    "Distribution",
    "ExpTransform",
    "Exponential",
    "Gamma",
    "Geometric",
    "Gumbel",
    "HalfCauchy",
    "HalfNormal",
    "Independent",
    "InverseGamma",
    "Kumaraswamy",
    "Laplace",
    "LogNormal",
    "MixtureSameFamily",
    "Multinomial",
    "MultivariateNormal",
    "NegativeBinomial",
    "Normal",
    "OneHotCategorical",
    "OneHotCategoricalStraightThrough",
    "Pareto",
    "Poisson",
    "PowerTransform",
    "RelaxedBernoulli",
    "RelaxedOneHotCategorical",
    "SigmoidTransform",
    "SoftplusTransform",
    "StudentT",
    "TanhTransform",
    "Transform",
    "TransformedDistribution",
    "Uniform",
    "VonMises",
    "Weibull",
    "identity_transform",
    "kl",
    "kl_divergence",
    "register_kl",
    "transforms",
]


def __getattr__(name: str) -> Any:
    """An error that says what to do without a distribution that is not here."""
    words = missing("grad_engine.distributions", name, __all__)
    raise AttributeError(
        f"{words}; or subclass Distribution with log_prob() and _drawn(), or see grad_engine.scipy.stats"
    )
