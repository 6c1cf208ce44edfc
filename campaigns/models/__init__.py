from campaigns.models.audience_look import AudienceLook
from campaigns.models.booking import Booking
from campaigns.models.campaign import Campaign
from campaigns.models.edge import Edge
from campaigns.models.enrollment import Enrollment
from campaigns.models.enrollment_snapshot import EnrollmentSnapshot
from campaigns.models.exclusion import Exclusion
from campaigns.models.intake import Intake
from campaigns.models.job_creation import JobCreation
from campaigns.models.launch_draft import LaunchDraft
from campaigns.models.node import Node
from campaigns.models.playbook import Playbook
from campaigns.models.step import Step
from campaigns.models.workflow import Workflow
from campaigns.models.workflow_version import WorkflowVersion

__all__ = [
    "AudienceLook",
    "Booking",
    "Campaign",
    "Edge",
    "Enrollment",
    "EnrollmentSnapshot",
    "Exclusion",
    "Intake",
    "JobCreation",
    "LaunchDraft",
    "Node",
    "Playbook",
    "Step",
    "Workflow",
    "WorkflowVersion",
]
