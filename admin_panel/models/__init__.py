from admin_panel.models.audit_chain import ChainLink
from admin_panel.models.audit_log import AuditLog
from admin_panel.models.audit_outcome import AuditOutcome, Outcome
from admin_panel.models.cache_invalidation import CacheInvalidation
from admin_panel.models.configuration import Configuration
from admin_panel.models.operator_factor import OperatorFactor, OperatorRecoveryCode
from admin_panel.models.report import Report, ReportStatus
from admin_panel.models.setting import AdminSetting
from admin_panel.models.system_metric import SystemMetric

__all__ = [
    "AdminSetting",
    "AuditLog",
    "AuditOutcome",
    "CacheInvalidation",
    "ChainLink",
    "Configuration",
    "OperatorFactor",
    "OperatorRecoveryCode",
    "Outcome",
    "Report",
    "ReportStatus",
    "SystemMetric",
]
