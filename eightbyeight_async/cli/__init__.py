"""The command `eightbyeight`. Results go to stdout; notes, progress and errors go to stderr.

entry       runs a command and reports its errors: one line and an exit code, no traceback
exit_codes  what each exit code means
commands/   names, options and help of the commands; the commands that make one call
reading/    an input file becomes checked requests
sending/    `send-each` and `send-batch`: requests are sent, counted and recorded
bulk/       `bulk ...`: campaigns with a journal
terminal/   progress, summaries, signals
"""
