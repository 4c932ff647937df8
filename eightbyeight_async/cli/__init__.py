"""The command `eightbyeight`. Results go to stdout; notes, progress and errors go to stderr.

entry       how every command ends: exit codes, one line for an error, no traceback
exit_codes  what each exit code means
commands/   one file a command: its name, options, help, and the commands that make one call
reading/    an input file becomes checked requests
sending/    `send-each` and `send-batch`: requests are sent, counted and recorded
bulk/       `bulk ...`: campaigns with a journal
terminal/   progress, summaries, signals
"""
