"""What SQL needs to tell figures of an account apart by the kind of their node."""

# The first terms of a statement, of `account`: its campaigns (`only` some of them, or null for all), and the
# kind of each key of their workflows, as the latest version has it.
CAMPAIGN_AND_KIND = """
with campaign as materialized (
    select campaign.id, version.workflow_id
    from campaigns_campaign campaign
    join campaigns_workflowversion version on version.id = campaign.version_id
    where campaign.account_id = %(account)s
      and (%(only)s::bigint[] is null or campaign.id = any(%(only)s::bigint[]))
),
kind as materialized (
    select distinct on (version.workflow_id, node.key) version.workflow_id, node.key, node.kind
    from campaigns_workflowversion version
    join campaigns_node node on node.version_id = version.id
    where version.workflow_id in (select workflow_id from campaign)
    order by version.workflow_id, node.key, version.number desc
)"""
