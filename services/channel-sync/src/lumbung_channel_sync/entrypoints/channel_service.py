"""ChannelService: which channels there are, and how far each is trusted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

import grpc
from google.protobuf.message import Message

from lumbung.channel_sync.v1 import channels_pb2 as pb
from lumbung.channel_sync.v1 import channels_pb2_grpc as rpc
from lumbung_channel_sync import wire
from lumbung_channel_sync.clients.secrets import Secrets
from lumbung_channel_sync.domain.channels import ChannelSpec
from lumbung_channel_sync.domain.failures import ChannelNotFound, SecretNotFound
from lumbung_channel_sync.entrypoints import requests
from lumbung_channel_sync.entrypoints.bells import Bells
from lumbung_channel_sync.stores import channels
from lumbung_channel_sync.stores.channel_directory import ChannelDirectory
from lumbung_channel_sync.usecases.call_platform import PlatformCaller
from lumbung_channel_sync.usecases.check_channel import check_channel
from lumbung_channel_sync.usecases.create_channel import create_channel
from lumbung_channel_sync.usecases.move_stage import (
    StageReport,
    advance_stage,
    report_agreement,
    retreat_stage,
)
from lumbung_channel_sync.usecases.pause_channel import pause_channel, resume_channel
from lumbung_channel_sync.usecases.update_channel import update_channel
from lumbung_kit.idempotency import once
from lumbung_kit.postgres import Conn, Postgres
from lumbung_kit.validate import Check

M = TypeVar("M", bound=Message)


@dataclass(frozen=True, slots=True)
class Mutations:
    """Runs a change once per request_id, and lets those know who wait for it."""

    postgres: Postgres
    bells: Bells
    directory: ChannelDirectory

    async def once(
        self, method: str, request: Message, response_type: type[M], work: Callable[[Conn], Awaitable[M]]
    ) -> M:
        """The response of `work`, or the one that it gave before."""
        response = await once(self.postgres, method, request, response_type, work)
        self.directory.forget()
        self.bells.configured()
        return response


class ChannelService(rpc.ChannelServiceServicer):
    """Channels over gRPC."""

    def __init__(self, mutations: Mutations, secrets: Secrets, caller: PlatformCaller) -> None:
        self._mutations = mutations
        self._postgres = mutations.postgres
        self._secrets = secrets
        self._caller = caller

    async def CreateChannel(
        self,
        request: pb.CreateChannelRequest,
        context: grpc.aio.ServicerContext[pb.CreateChannelRequest, pb.CreateChannelResponse],
    ) -> pb.CreateChannelResponse:
        """Connects a channel."""
        check = Check()
        check.request_id(request.request_id)
        code = requests.channel_code(check, request.channel_code)
        platform = requests.platform(check, request.platform)
        spec = requests.channel_spec(check, request)
        check.done()
        self._require_secret(spec)

        async def work(conn: Conn) -> pb.CreateChannelResponse:
            return pb.CreateChannelResponse(
                channel=wire.channel(await create_channel(conn, code, platform, spec))
            )

        return await self._mutations.once("CreateChannel", request, pb.CreateChannelResponse, work)

    async def UpdateChannel(
        self,
        request: pb.UpdateChannelRequest,
        context: grpc.aio.ServicerContext[pb.UpdateChannelRequest, pb.UpdateChannelResponse],
    ) -> pb.UpdateChannelResponse:
        """Replaces what can be edited."""
        check = Check()
        check.request_id(request.request_id)
        code = requests.channel_code(check, request.channel_code)
        version = requests.etag(check, "etag", request.etag)
        spec = requests.channel_spec(check, request)
        check.done()
        self._require_secret(spec)

        async def work(conn: Conn) -> pb.UpdateChannelResponse:
            return pb.UpdateChannelResponse(
                channel=wire.channel(await update_channel(conn, code, version, spec))
            )

        return await self._mutations.once("UpdateChannel", request, pb.UpdateChannelResponse, work)

    async def GetChannel(
        self,
        request: pb.GetChannelRequest,
        context: grpc.aio.ServicerContext[pb.GetChannelRequest, pb.GetChannelResponse],
    ) -> pb.GetChannelResponse:
        """Reads one channel."""
        check = Check()
        code = requests.channel_code(check, request.channel_code)
        check.done()
        async with self._postgres.connection() as conn:
            found = await channels.get(conn, code)
        if found is None:
            raise ChannelNotFound(metadata={"channel_code": code})
        return pb.GetChannelResponse(channel=wire.channel(found))

    async def ListChannels(
        self,
        request: pb.ListChannelsRequest,
        context: grpc.aio.ServicerContext[pb.ListChannelsRequest, pb.ListChannelsResponse],
    ) -> pb.ListChannelsResponse:
        """Channels by code."""
        check = Check()
        size = check.page_size(request.page_size, default=50, maximum=200)
        after = requests.text_token(check, request.page_token)
        check.done()
        async with self._postgres.connection() as conn:
            found = await channels.list_page(conn, after, size + 1)
        token = requests.next_token(found[size - 1].channel_code) if len(found) > size else ""
        return pb.ListChannelsResponse(
            channels=[wire.channel(one) for one in found[:size]], next_page_token=token
        )

    async def PauseChannel(
        self,
        request: pb.PauseChannelRequest,
        context: grpc.aio.ServicerContext[pb.PauseChannelRequest, pb.PauseChannelResponse],
    ) -> pb.PauseChannelResponse:
        """Stops the channel's figures."""
        check = Check()
        check.request_id(request.request_id)
        code = requests.channel_code(check, request.channel_code)
        mode = requests.pause_mode(check, request.mode)
        check.done()

        async def work(conn: Conn) -> pb.PauseChannelResponse:
            return pb.PauseChannelResponse(channel=wire.channel(await pause_channel(conn, code, mode)))

        return await self._mutations.once("PauseChannel", request, pb.PauseChannelResponse, work)

    async def ResumeChannel(
        self,
        request: pb.ResumeChannelRequest,
        context: grpc.aio.ServicerContext[pb.ResumeChannelRequest, pb.ResumeChannelResponse],
    ) -> pb.ResumeChannelResponse:
        """Lets figures follow again."""
        check = Check()
        check.request_id(request.request_id)
        code = requests.channel_code(check, request.channel_code)
        check.done()

        async def work(conn: Conn) -> pb.ResumeChannelResponse:
            return pb.ResumeChannelResponse(channel=wire.channel(await resume_channel(conn, code)))

        return await self._mutations.once("ResumeChannel", request, pb.ResumeChannelResponse, work)

    async def AdvanceStage(
        self,
        request: pb.AdvanceStageRequest,
        context: grpc.aio.ServicerContext[pb.AdvanceStageRequest, pb.AdvanceStageResponse],
    ) -> pb.AdvanceStageResponse:
        """One stage on."""
        check = Check()
        check.request_id(request.request_id)
        code = requests.channel_code(check, request.channel_code)
        stage = requests.stage(check, request.from_stage)
        check.done()

        async def work(conn: Conn) -> pb.AdvanceStageResponse:
            move = await advance_stage(conn, code, stage, accept_disagreement=request.accept_disagreement)
            return pb.AdvanceStageResponse(
                channel=wire.channel(move.channel), agreement=_agreement(move.before)
            )

        return await self._mutations.once("AdvanceStage", request, pb.AdvanceStageResponse, work)

    async def RetreatStage(
        self,
        request: pb.RetreatStageRequest,
        context: grpc.aio.ServicerContext[pb.RetreatStageRequest, pb.RetreatStageResponse],
    ) -> pb.RetreatStageResponse:
        """One stage back."""
        check = Check()
        check.request_id(request.request_id)
        code = requests.channel_code(check, request.channel_code)
        stage = requests.stage(check, request.from_stage)
        check.done()

        async def work(conn: Conn) -> pb.RetreatStageResponse:
            move = await retreat_stage(conn, code, stage)
            return pb.RetreatStageResponse(
                channel=wire.channel(move.channel), agreement=_agreement(move.before)
            )

        return await self._mutations.once("RetreatStage", request, pb.RetreatStageResponse, work)

    async def GetAgreement(
        self,
        request: pb.GetAgreementRequest,
        context: grpc.aio.ServicerContext[pb.GetAgreementRequest, pb.GetAgreementResponse],
    ) -> pb.GetAgreementResponse:
        """What has agreed since the present stage began."""
        check = Check()
        code = requests.channel_code(check, request.channel_code)
        check.done()
        async with self._postgres.transaction() as conn:
            return pb.GetAgreementResponse(agreement=_agreement(await report_agreement(conn, code)))

    async def CheckChannel(
        self,
        request: pb.CheckChannelRequest,
        context: grpc.aio.ServicerContext[pb.CheckChannelRequest, pb.CheckChannelResponse],
    ) -> pb.CheckChannelResponse:
        """Whether the platform takes our key."""
        check = Check()
        code = requests.channel_code(check, request.channel_code)
        check.done()
        trouble = await check_channel(self._postgres, self._caller, code)
        if trouble is None:
            return pb.CheckChannelResponse(reachable=True)
        return pb.CheckChannelResponse(reason=trouble.reason, message=trouble.message)

    def _require_secret(self, spec: ChannelSpec) -> None:
        if self._secrets.get(spec.secret_reference) is None:
            raise SecretNotFound(metadata={"secret_reference": spec.secret_reference})


def _agreement(report: StageReport) -> pb.Agreement:
    return wire.agreement(report.channel, report.agreement, report.disagreements)
