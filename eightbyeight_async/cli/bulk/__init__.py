"""The work of the `bulk` commands: start or continue a campaign, show its status, settle its unknown messages.

`start` is `bulk run`; `status_and_settling` is all other commands.
Not here: names, options and help (`commands.bulk`), the campaign itself (`eightbyeight_async.bulk`).
"""
