"""Log exports: the settings, the jobs under way, and the files they made.

What a job exports is settled when it is started: what was accepted up to then, less `lag`. A real log is
behind the platform in the same way, so whoever looks a message up in it must not take absence for proof.
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
    """`rows`: the messages with the state each had when the job was started."""

    id: str
    subaccount_id: str
    started: datetime
    rows: list[tuple[SandboxMessage, LoggedStatus]]
    looks: int = 0
    ending: Ending | Literal["empty"] | None = None
    tokens: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, repr=False)
class ExportFile:
    """One CSV file; `signature` is what its address elsewhere proves itself with."""

    job_id: str
    subaccount_id: str
    expires: datetime
    rows: list[tuple[SandboxMessage, LoggedStatus]]
    signature: str


class Exports:
    """How log exports go.

    `lag`: seconds a message is accepted before the log has it. `polls`: looks at a job that find it unfinished
    ("queued" first where there are two or more, then "running"); `ready_after`: seconds (sandbox clock) it is
    unfinished as well. `ending`: "failed", "cancelled" or "error" instead of success. `links`: "api" for files
    on the SMS host, "elsewhere" for another host, "redirect" for the SMS host answering 302 to there.
    `rows_per_file`: more rows make more files. `include_rejected`: whether the log has what was REJECTED.
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
            raise ValueError(f"{name} of exports is one of {_CHOICES[name]}")
        super().__setattr__(name, value)

    def reset(self) -> None:
        """No jobs, no files; the first settings."""
        self.lag, self.links = self._initial
        self.polls, self.ready_after, self.ending = 1, 0.0, "succeeded"
        self.rows_per_file, self.include_rejected = 100_000, True
        self._jobs.clear()
        self._files.clear()

    def start(self, subaccount_id: str, now: datetime, rows: list[tuple[SandboxMessage, LoggedStatus]]) -> Job:
        job = Job(id=new_token(), subaccount_id=subaccount_id, started=now, rows=rows)
        self._jobs[job.id] = job
        return job

    def job(self, subaccount_id: str, job_id: str) -> Job:
        job = self._jobs.get(job_id)
        if job is None or job.subaccount_id != subaccount_id:
            raise Refusal(4018, "there is no such job", status=404)
        return job

    def look(self, job: Job, now: datetime) -> JSONObject:
        """The answer to a poll, which may be the one that finds the job finished."""
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
        """One that is finished stays as it is."""
        job.ending = job.ending or "cancelled"

    def file(self, token: str) -> ExportFile | None:
        return self._files.get(token)

    def elsewhere(self, token: str) -> str:
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
