"""Every error as a class: one for each cause, under the four names of the specification.

``UsageLimitExceededException`` is a refusal, ``PricingException`` is about prices and amounts,
``SubscriptionException`` about plans, subscriptions and invoices, ``TrackingException`` about all
else. What a class says of itself is from the core's table of errors.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from ._native import error_table

if TYPE_CHECKING:
    from ._native import Decision, Receipt

_TABLE = {str(row["code"]): row for row in error_table()}

BY_CODE: dict[str, type[MeteringError]] = {}
"""The class of each code of the table of errors."""


class MeteringError(Exception):
    """What went wrong, with what to do about it.

    ``str(error)`` is the message with its facts; it never holds a prompt, an answer or an API key.

    >>> import alwrity_metering as am
    >>> am.errors.OverloadedError.http_status, am.errors.OverloadedError.is_retryable
    (503, True)
    """

    code: ClassVar[str] = "internal"
    """The stable name, the same in Rust, C, HTTP and the command."""
    number: ClassVar[int] = 0
    """The stable number, never reused; 0 for what is no row of the table."""
    http_status: ClassVar[int] = 500
    """The status that a server answers with."""
    is_retryable: ClassVar[bool] = False
    """Whether the same call may succeed when it is repeated, with the same idempotency key."""
    hint: ClassVar[str] = ""
    """What to do about it."""

    def __init_subclass__(cls, code: str = "") -> None:
        if not code:
            return
        row = _TABLE[code]
        cls.code = code
        cls.number = int(row["number"])
        cls.http_status = int(row["http_status"])
        cls.is_retryable = bool(row["is_retryable"])
        cls.hint = str(row["hint"])
        BY_CODE[code] = cls


class PricingException(MeteringError):
    """A price or an amount is not right."""


class TrackingException(MeteringError):
    """A call could not be tracked as it was told."""


class SubscriptionException(MeteringError):
    """A plan, a subscription or an invoice does not allow it."""


class UsageLimitExceededException(MeteringError):
    """A call does not fit the user's limits: it must not be made. ``decision`` says why."""

    code: ClassVar[str] = "limit_reached"
    http_status: ClassVar[int] = 429
    hint: ClassVar[str] = "wait until `decision.resets_at`, or take a larger plan"

    def __init__(self, decision: Decision) -> None:
        super().__init__(decision.message)
        self.decision = decision

    def __reduce__(self) -> tuple[type[UsageLimitExceededException], tuple[Decision]]:
        return type(self), (self.decision,)


class CallAlreadyRecordedError(TrackingException):
    """The idempotency key's call is recorded: do not make it again. ``receipt`` is the first."""

    code: ClassVar[str] = "already_recorded"
    http_status: ClassVar[int] = 409
    hint: ClassVar[str] = "use the first answer, or a new key for a new call"

    def __init__(self, receipt: Receipt) -> None:
        super().__init__(f"the call of this key is recorded already, as {receipt.call_id}")
        self.receipt = receipt

    def __reduce__(self) -> tuple[type[CallAlreadyRecordedError], tuple[Receipt]]:
        return type(self), (self.receipt,)


class InvalidAmountError(PricingException, ValueError, code="invalid_amount"):
    """An amount of money is no exact decimal text of dollars."""


class AmountOutOfRangeError(PricingException, code="amount_out_of_range"):
    """An amount or a sum is beyond ± $9.22 million."""


class InvalidUsageError(TrackingException, ValueError, code="invalid_usage"):
    """A usage has an unknown form of unit, or a quantity that cannot be."""


class InvalidTimeError(TrackingException, ValueError, code="invalid_time"):
    """A text is no time with a zone, or a time is outside the years 1970 to 9999."""


class InvalidNameError(TrackingException, ValueError, code="invalid_name"):
    """A name (user, provider, model, plan, limit, key, …) is empty, too long or not allowed."""


class InvalidArgumentError(TrackingException, ValueError, code="invalid_argument"):
    """An argument is outside what the function accepts."""


class InvalidCatalogueError(PricingException, ValueError, code="invalid_catalogue"):
    """A catalogue, plan or price file cannot be read as one."""


class InvalidPlanError(SubscriptionException, ValueError, code="invalid_plan"):
    """A plan contradicts itself."""


class InvalidPriceError(PricingException, ValueError, code="invalid_price"):
    """A price contradicts itself, or would change what is already used."""


class InvalidQueryError(TrackingException, ValueError, code="invalid_query"):
    """A query is not one statement that only reads."""


class InvalidOptionError(TrackingException, ValueError, code="invalid_option"):
    """An option of the library has a value outside its range."""


class UnknownUserError(TrackingException, LookupError, code="unknown_user"):
    """No user of that id has ever been seen."""


class UnknownPlanError(SubscriptionException, LookupError, code="unknown_plan"):
    """No plan has that id."""


class UnknownLimitError(TrackingException, LookupError, code="unknown_limit"):
    """No limit has that name."""


class UnknownHoldError(TrackingException, LookupError, code="unknown_hold"):
    """No hold and no call has that id."""


class UnknownPriceError(PricingException, LookupError, code="unknown_price"):
    """Nothing prices the call, and the setting `unknown_price` says `reject`."""


class UnknownAlertError(TrackingException, LookupError, code="unknown_alert"):
    """No alert has that id."""


class AlertOfAnotherError(TrackingException, code="alert_of_another"):
    """The alert is another user's."""


class UnknownSubscriptionError(SubscriptionException, LookupError, code="unknown_subscription"):
    """The user has no subscription, or no change of that kind to act on."""


class UnknownInvoiceError(SubscriptionException, LookupError, code="unknown_invoice"):
    """The user has no invoice or billing period of that start."""


class IdempotencyConflictError(TrackingException, code="idempotency_conflict"):
    """The idempotency key was used before, with other content."""


class HoldClosedError(TrackingException, code="hold_closed"):
    """A hold was released or settled, so it can no longer be released."""


class SubscriptionStateError(SubscriptionException, code="subscription_state"):
    """The subscription's status or terms do not allow the change."""


class InvoiceStateError(SubscriptionException, code="invoice_state"):
    """The invoice's state does not allow the change."""


class OverloadedError(TrackingException, code="overloaded"):
    """The queue or the lock was not free within `busy_timeout_ms`; nothing happened."""


class OutcomeUnknownError(TrackingException, code="outcome_unknown"):
    """The call was queued, but whether it was committed could not be told."""


class StorageUnavailableError(TrackingException, code="storage_unavailable"):
    """The store could not be read or written."""


class StorageReplacedError(TrackingException, code="storage_replaced"):
    """The file was renamed, replaced or deleted while it was open."""


class StorageCorruptError(TrackingException, code="storage_corrupt"):
    """The file is no store of this library, or is damaged."""


class StorageNewerError(TrackingException, code="storage_newer"):
    """The file was written by a newer version of this library."""


class StorageFullError(TrackingException, code="storage_full"):
    """The disk is full; nothing was done."""


class StorageUnsafeError(TrackingException, code="storage_unsafe"):
    """The file is in a place where it could lose data: a symlink, a second name, a network disk."""


class ClosedError(TrackingException, code="closed"):
    """The meter was closed."""


class UnsupportedError(TrackingException, code="unsupported"):
    """This store cannot do that."""


class InternalError(TrackingException, code="internal"):
    """A bug of this library: a rule that always holds did not."""
