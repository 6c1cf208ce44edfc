from campaigns.models.audience_look import AudienceLook
from campaigns.models.booking import Booking
from campaigns.models.campaign import Campaign
from campaigns.models.campaign_number import CampaignNumber
from campaigns.models.canary import Canary
from campaigns.models.click import Click
from campaigns.models.destination_check import DestinationCheck
from campaigns.models.edge import Edge
from campaigns.models.enrollment import Enrollment
from campaigns.models.enrollment_snapshot import EnrollmentSnapshot
from campaigns.models.exclusion import Exclusion
from campaigns.models.intake import Intake
from campaigns.models.job_creation import JobCreation
from campaigns.models.launch_approval import LaunchApproval
from campaigns.models.launch_draft import LaunchDraft
from campaigns.models.launch_rules import LaunchRules
from campaigns.models.link_code import LinkCode
from campaigns.models.link_settings import LinkSettings
from campaigns.models.message_draft import MessageDraft
from campaigns.models.node import Node
from campaigns.models.playbook import Playbook
from campaigns.models.removal import Removal
from campaigns.models.retry import Retry
from campaigns.models.step import Step
from campaigns.models.tracked_link import TrackedLink
from campaigns.models.version_move import VersionMove
from campaigns.models.walkthrough import Walkthrough
from campaigns.models.workflow import Workflow
from campaigns.models.workflow_draft import WorkflowDraft
from campaigns.models.workflow_revision import WorkflowRevision
from campaigns.models.workflow_version import WorkflowVersion

__all__ = [
    "AudienceLook",
    "Booking",
    "Campaign",
    "CampaignNumber",
    "Canary",
    "Click",
    "DestinationCheck",
    "Edge",
    "Enrollment",
    "EnrollmentSnapshot",
    "Exclusion",
    "Intake",
    "JobCreation",
    "LaunchApproval",
    "LaunchDraft",
    "LaunchRules",
    "LinkCode",
    "LinkSettings",
    "MessageDraft",
    "Node",
    "Playbook",
    "Removal",
    "Retry",
    "Step",
    "TrackedLink",
    "VersionMove",
    "Walkthrough",
    "Workflow",
    "WorkflowDraft",
    "WorkflowRevision",
    "WorkflowVersion",
]
