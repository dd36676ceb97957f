"""What a request must have besides what a JSON Schema can say, so that a valid one is accepted."""

import os
import uuid
from typing import Any

import schemathesis

SKU_FOR_SALE = os.environ["CONFORMANCE_SKU"]


@schemathesis.hook.apply_to(method="POST")
def before_call(context: schemathesis.HookContext, case: schemathesis.Case, kwargs: dict[str, Any]) -> None:
    """Makes a valid order name an existing product, and a valid request use a new idempotency key."""
    if case.meta is None or case.meta.generation.mode is not schemathesis.GenerationMode.POSITIVE:
        return
    if case.operation.path == "/orders":
        case.body["lines"] = [{**case.body["lines"][0], "sku": SKU_FOR_SALE}]
    if case.headers.get("Idempotency-Key") is not None:
        case.headers["Idempotency-Key"] = str(uuid.uuid4())
