"""Classes of values that never change. dataclasses do the same, but every search waits while they are made."""

from __future__ import annotations

from ssa.checking import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any, ClassVar, NoReturn, dataclass_transform  # novm: for the type checker alone
else:

    def dataclass_transform(**_: Any) -> Any:
        """Leave a class as it is."""
        return lambda cls: cls


@dataclass_transform(frozen_default=True)
class Immutable:
    """A value with the fields that its class annotates, in their order; equal to one of its class with equal fields."""

    fields: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls) -> None:
        """Find the fields."""
        cls.fields = (*cls.fields, *cls.__dict__.get("__annotations__", ()))  # noqa: RUF063 - all that 3.9 has

    def __init__(self, *values: Any, **named: Any) -> None:
        held = self.__dict__
        held.update(zip(self.fields, values))
        held.update(named)
        if len(values) + len(named) != len(self.fields) or len(held) != len(self.fields):
            self._complete(len(values) + len(named))

    def _complete(self, given: int) -> None:
        """Add the defaults, which the class holds; raises TypeError for a field without value, or one too many."""
        for name in self.fields:
            if name not in self.__dict__:
                self.__dict__[name] = getattr(type(self), name, Immutable)
        if given > len(self.fields) or len(self.__dict__) != len(self.fields) or Immutable in self.__dict__.values():
            raise TypeError(f"{type(self).__name__} has the fields {', '.join(self.fields)}")

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"{type(self).__name__}.{name} cannot be set")

    def _held(self) -> tuple[Any, ...]:
        return tuple(self.__dict__[name] for name in self.fields)

    def __eq__(self, other: object) -> bool:
        return self._held() == other._held() if type(other) is type(self) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._held())

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={self.__dict__[name]!r}' for name in self.fields)})"
