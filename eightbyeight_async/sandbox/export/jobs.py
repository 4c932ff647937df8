"""Log exports: their settings, the jobs, and the files that jobs made.

The rows of a job are fixed when it starts: the messages that were accepted at least `lag` seconds earlier. A real log
is late in the same way. So a message that is missing in the log may still have been accepted.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from eightbyeight_async.sandbox.api.operation_results import JSONObject, Refusal, new_token, status_timestamp
from eightbyeight_async.sandbox.messages.delivery_status import LoggedStatus
from eightbyeight_async.sandbox.messages.message import SandboxMessage

Links = Literal["api", "elsewhere", "redirect"]
Ending = Literal["succeeded", "failed", "cancelled", "error"]
EXPIRES_AFTER = timedelta(days=30)
_CHOICES: dict[str, tuple[object, ...]] = {
    "links": ("api", "elsewhere", "redirect"),
    "ending": ("succeeded", "failed", "cancelled", "error"),
}


@dataclass(slots=True, kw_only=True, repr=False)
class Job:
    """One export job.

    - `started`: the sandbox's time (aware).
    - `rows`: the messages, each with its status when the job started.
    - `looks`: how often the job was polled.
    - `ending`: how it ended; None while it is unfinished.
    - `tokens`: the keys of its files in `Exports`.
    """

    id: str
    subaccount_id: str
    started: datetime
    rows: list[tuple[SandboxMessage, LoggedStatus]]
    looks: int = 0
    ending: Ending | Literal["empty"] | None = None
    tokens: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, repr=False)
class ExportFile:
    """One CSV file. `signature`: the part of its link on the file host that gives permission to read it."""

    job_id: str
    subaccount_id: str
    expires: datetime
    rows: list[tuple[SandboxMessage, LoggedStatus]]
    signature: str


class Exports:
    """The settings of log exports, their jobs and their files.

    - `lag`: seconds after its acceptance until a message is in the log (default 0).
    - `polls`: how many polls find a job unfinished (default 1). If there are 2 or more, the first poll returns "queued"
      and the others "running"; a single poll returns "running".
    - `ready_after`: a job also stays unfinished for this many seconds of the sandbox's clock (default 0).
    - `ending`: how jobs end: "succeeded" (default), "failed", "cancelled" or "error".
    - `links`: "api" for files on the SMS host, "elsewhere" for files on another host, "redirect" for the SMS host that
      redirects (302) to the other host.
    - `rows_per_file`: the most rows in one file (default 100,000); a job with more rows makes several files.
    - `include_rejected`: whether the log has messages with the status REJECTED (default True).
    """

    lag: float
    polls: int
    ready_after: float
    ending: Ending
    links: Links
    rows_per_file: int
    include_rejected: bool

    def __init__(self, *, lag: float, links: Links) -> None:
        self._initial = (lag, links)
        self._jobs: dict[str, Job] = {}
        self._files: dict[str, ExportFile] = {}
        self.api_url = self.storage_url = ""
        self.reset()

    def __setattr__(self, name: str, value: object) -> None:
        if name in _CHOICES and value not in _CHOICES[name]:
            raise ValueError(f"{name} of exports must be one of {_CHOICES[name]}")
        super().__setattr__(name, value)

    def reset(self) -> None:
        """Forget jobs and files; restore the first settings."""
        self.lag, self.links = self._initial
        self.polls, self.ready_after, self.ending = 1, 0.0, "succeeded"
        self.rows_per_file, self.include_rejected = 100_000, True
        self._jobs.clear()
        self._files.clear()

    def start(self, subaccount_id: str, now: datetime, rows: list[tuple[SandboxMessage, LoggedStatus]]) -> Job:
        """A new export job, as the API's operation makes it."""
        job = Job(id=new_token(), subaccount_id=subaccount_id, started=now, rows=rows)
        self._jobs[job.id] = job
        return job

    def job(self, subaccount_id: str, job_id: str) -> Job:
        """The job of a sub-account with this id."""
        job = self._jobs.get(job_id)
        if job is None or job.subaccount_id != subaccount_id:
            raise Refusal(4018, "there is no such job", status=404)
        return job

    def look(self, job: Job, now: datetime) -> JSONObject:
        """The response to a poll; the first poll that may find the job finished also finishes it."""
        job.looks += 1
        if job.ending is None:
            if job.looks <= self.polls or now < job.started + timedelta(seconds=self.ready_after):
                return {"status": "queued" if job.looks == 1 and self.polls > 1 else "running"}
            self._finish(job)
        if job.ending != "succeeded":
            return {"status": job.ending}
        return {
            "status": "succeeded",
            "data": [self._link(job, token) for token in job.tokens],
            "expires": status_timestamp(job.started + EXPIRES_AFTER),
        }

    def cancel(self, job: Job) -> None:
        """Cancel a job; a finished job stays unchanged."""
        job.ending = job.ending or "cancelled"

    def file(self, token: str) -> ExportFile | None:
        """The file of a link; None if there is no such file, or it was deleted."""
        return self._files.get(token)

    def elsewhere(self, token: str) -> str:
        """The file's signed link on the file host."""
        return f"{self.storage_url}/exports/{token}.csv?signature={self._files[token].signature}"

    def _finish(self, job: Job) -> None:
        job.ending = "empty" if self.ending == "succeeded" and not job.rows else self.ending
        if job.ending != "succeeded":
            return
        expires = job.started + EXPIRES_AFTER
        for begin in range(0, len(job.rows), max(1, self.rows_per_file)):
            rows = job.rows[begin : begin + max(1, self.rows_per_file)]
            token = new_token()
            self._files[token] = ExportFile(job.id, job.subaccount_id, expires, rows, new_token(32))
            job.tokens += (token,)

    def _link(self, job: Job, token: str) -> str:
        if self.links == "elsewhere":
            return self.elsewhere(token)
        return f"{self.api_url}/api/v1/subaccounts/{job.subaccount_id}/messages/download/{token}"
