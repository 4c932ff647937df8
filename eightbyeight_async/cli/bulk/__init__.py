"""The work of the `bulk` commands: start or continue a campaign, show its status, settle its unknown messages.

`start` has `bulk run`; `status_and_settling` has all other commands. Names, options and help are in `commands.bulk`,
the campaign itself in `eightbyeight_async.bulk`.
"""
