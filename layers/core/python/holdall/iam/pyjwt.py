"""PyJWT without `cryptography.x509`, which it imports for keys in certificates, 4 % of a cold start. Its first use loads it."""

import sys
from importlib.util import LazyLoader, find_spec, module_from_spec  # noqa: TID251  # an import of its own would not be lazy

import cryptography


def _import_lazily(name: str) -> None:
    """Put a module into `sys.modules` that loads itself at its first use (Python library reference, `LazyLoader`)."""
    spec = find_spec(name)
    if name in sys.modules or spec is None or spec.loader is None:
        return
    spec.loader = LazyLoader(spec.loader)
    module = module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    # Where a package has the attribute, `from package import module` does not look at the module, which would load it.
    setattr(cryptography, name.rpartition(".")[2], module)


_import_lazily("cryptography.x509")

import jwt  # noqa: E402  # after the line above
from jwt.algorithms import ECAlgorithm  # noqa: E402

__all__ = ["ECAlgorithm", "jwt"]
