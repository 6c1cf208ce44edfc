"""Who may sign in, to which contractor, and what they did."""

from accounts.models.account import Account
from accounts.models.api_token import ApiToken
from accounts.models.audit_entry import AuditEntry
from accounts.models.audit_seal import AuditSeal
from accounts.models.business_unit import BusinessUnit
from accounts.models.membership import Membership, Role
from accounts.models.user import User

__all__ = ["Account", "ApiToken", "AuditEntry", "AuditSeal", "BusinessUnit", "Membership", "Role", "User"]
