"""ServiceTitan's memberships, invoices, estimates and calls as rows, with every field that is required."""

from typing import Any

from sandbox.servicetitan_rows import LONG_AGO, Row


def membership_type_row(row_id: int, name: str, monthly: float, stamp: str) -> Row:
    """A kind of service agreement, billed each month."""
    price = {"duration": 12, "billingFrequency": "Monthly", "salePrice": monthly, "billingPrice": monthly}
    return {
        "id": row_id,
        "createdOn": stamp,
        "createdById": 31,
        "modifiedOn": stamp,
        "importId": None,
        "billingTemplateId": None,
        "discount": 10.0,
        "durationBilling": [{**price, "renewalPrice": monthly}],
        "discounts": [],
        "recurringServices": [],
        "tagTypeIds": [],
        "name": name,
        "displayName": name,
        "active": True,
        "discountMode": "Basic",
        "locationTarget": "SingleLocation",
        "revenueRecognitionMode": "PointOfSale",
        "autoCalculateInvoiceTemplates": False,
        "useMembershipPricingTable": False,
        "showMembershipSavings": True,
    }


def membership_row(
    row_id: int, customer_id: int, location_id: int, type_id: int, unit_id: int, **more: Any
) -> Row:
    """A customer's service agreement, Active; `more` overrides."""
    empty = (
        "cancellationDate", "from", "nextScheduledBillDate", "to", "renewalBillingFrequency", "duration",
        "renewalDuration", "activatedById", "activatedFromId", "billingTemplateId",
        "cancellationBalanceInvoiceId", "cancellationInvoiceId", "followUpCustomStatusId", "paymentMethodId",
        "paymentTypeId", "recurringLocationId", "renewalMembershipTaskId", "renewedById", "soldById",
        "customerPo", "importId", "memo",
    )  # fmt: skip
    return {
        "id": row_id,
        "createdOn": LONG_AGO,
        "createdById": 31,
        "modifiedOn": LONG_AGO,
        "followUpOn": LONG_AGO,
        **dict.fromkeys(empty),
        "billingFrequency": "Monthly",
        "status": "Active",
        "followUpStatus": "NotAttempted",
        "active": True,
        "initialDeferredRevenue": 0.0,
        "businessUnitId": unit_id,
        "customerId": customer_id,
        "membershipTypeId": type_id,
        "locationId": location_id,
        "customFields": [],
        **more,
    }


def item_row(row_id: int, name: str, cents: int, stamp: str, order: int = 1) -> Row:
    """One line of an invoice; its money is text."""
    total = f"{cents / 100:.2f}"
    empty = (
        "budgetCodeId", "inventoryLocationId", "inventoryLocation", "generalLedgerAccount",
        "costOfSaleAccount", "assetAccount", "itemGroup", "serviceDate", "businessUnit", "createdById",
        "displayInAmount", "importId", "exportId", "inventoryStatus", "technicianId", "installedEquipmentId",
        "estimateItemId",
    )  # fmt: skip
    return {
        "id": row_id,
        "description": name,
        "quantity": "1",
        "cost": "0.00",
        "totalCost": "0.00",
        "price": total,
        "type": "PriceModifier" if cents < 0 else "Service",
        "skuName": name,
        "skuId": 1,
        "total": total,
        "inventory": False,
        "taxable": False,
        "isChargeable": True,
        **dict.fromkeys(empty),
        "membershipTypeId": 0,
        "displayName": name,
        "soldHours": 0.0,
        "createdOn": stamp,
        "modifiedOn": stamp,
        "order": order,
        "addOn": False,
        "memberPrice": total,
    }


def adjusting_row(row_id: int, bill: Row, cents: int, stamp: str) -> Row:
    """An invoice that corrects another: a credit memo where `cents` is below nought, else a further bill."""
    total = f"{cents / 100:.2f}"
    name = "Credit memo" if cents < 0 else "Additional work"
    return {
        **bill,
        "id": row_id,
        "active": True,
        "summary": name,
        "items": [item_row(row_id * 10 + 1, name, cents, stamp)],
        "referenceNumber": str(row_id),
        "adjustmentToId": bill["id"],
        "invoiceDate": stamp,
        "dueDate": stamp,
        "paidOn": stamp,
        "subTotal": total,
        "total": total,
        "balance": "0.00",
        "createdOn": stamp,
        "modifiedOn": stamp,
    }


def invoice_row(job: Row, customer: Row, unit_name: str, stamp: str, due: str, owed: float) -> Row:
    """The invoice of a completed job; its money is text. `owed` is what is still to be paid."""
    total = f"{job['total'] or 0:.2f}"
    address = {
        key: customer["address"].get(key) for key in ("street", "unit", "city", "state", "zip", "country")
    }
    empty = (
        "importId", "exportId", "materialSkuId", "membershipId", "budgetCodeId", "salesTaxCode", "taxZoneId",
        "termName", "batch", "depositedOn", "adjustmentToId", "projectId", "royalty", "employeeInfo",
        "commissionEligibilityDate", "assignedTo", "invoiceType",
    )  # fmt: skip
    return {
        "id": job["invoiceId"],
        "summary": job["summary"],
        "items": _items(job, stamp),
        "customFields": [],
        "active": True,
        "discountTotal": "0.00",
        **dict.fromkeys(empty),
        "paidOn": None if owed else stamp,
        "invoiceConfiguration": "JobInvoice",
        "syncStatus": "Pending",
        "referenceNumber": str(job["invoiceId"]),
        "invoiceDate": stamp,
        "dueDate": due,
        "subTotal": total,
        "salesTax": "0.00",
        "total": total,
        "balance": f"{owed:.2f}",
        "customer": {"id": customer["id"], "name": customer["name"]},
        "customerAddress": address,
        "location": {"id": job["locationId"], "name": customer["name"]},
        "locationAddress": address,
        "businessUnit": {"id": job["businessUnitId"], "name": unit_name},
        "createdBy": "office",
        "createdOn": stamp,
        "modifiedOn": stamp,
        "job": {"id": job["id"], "number": job["jobNumber"], "type": job["summary"]},
        "sentStatus": "Sent",
        "reviewStatus": "Reviewed",
    }


def _items(job: Row, stamp: str) -> list[Row]:
    """What was done, and the parts it took: lines that add up to the job's total to the cent."""
    whole = round((job["total"] or 0) * 100)
    parts = whole // 4 if whole > 20_000 else 0
    named = [(job["summary"] or "Service", whole - parts), *([("Parts", parts)] if parts else [])]
    return [
        item_row(job["invoiceId"] * 10 + n, name[:100], cents, stamp, n)
        for n, (name, cents) in enumerate(named, start=1)
    ]


STATUS_NUMBERS = {"Open": 0, "Sold": 1, "Dismissed": 2}


def estimate_row(
    row_id: int, job: Row, name: str, status: str, amount: float, stamp: str, **more: Any
) -> Row:
    """An offer made at a job."""
    return {
        "id": row_id,
        "jobId": job["id"],
        "projectId": None,
        "locationId": job["locationId"],
        "customerId": job["customerId"],
        "name": name,
        "jobNumber": job["jobNumber"],
        "status": {"value": STATUS_NUMBERS[status], "name": status},
        "reviewStatus": "None",
        "summary": None,
        "createdOn": stamp,
        "modifiedOn": stamp,
        "soldOn": None,
        "soldBy": None,
        "active": True,
        "items": [],
        "externalLinks": [],
        "subtotal": amount,
        "tax": 0.0,
        "businessUnitId": job["businessUnitId"],
        "businessUnitName": None,
        "isRecommended": False,
        "budgetCodeId": None,
        "isChangeOrder": False,
        "proposalTagName": None,
        "depositAmount": None,
        "depositPercent": None,
        "requireDepositOnSignature": None,
        **more,
    }


def call_row(row_id: int, phone: str, office: str, customer: Row, stamp: str, **more: Any) -> Row:
    """A call of a customer to the office; phones are ten digits, as ServiceTitan writes them."""
    return {
        "id": row_id,
        "duration": "00:03:20",
        "from": phone.removeprefix("+1"),
        "to": office.removeprefix("+1"),
        "direction": "Inbound",
        "status": "Completed",
        "type": "Booked",
        "recordingUrl": None,
        "voiceMailPath": None,
        "createdOn": stamp,
        "modifiedOn": stamp,
        "reason": None,
        "customer": {"id": customer["id"], "name": customer["name"]},
        "location": None,
        "campaign": None,
        "job": None,
        "agent": None,
        "createdBy": None,
        "excuseMemo": "",
        "tag": "",
        "active": True,
        "lead": None,
        **more,
    }
