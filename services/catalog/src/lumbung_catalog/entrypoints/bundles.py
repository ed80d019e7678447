"""BundleService over gRPC."""

from typing import Any

import grpc
from typing_extensions import override

from lumbung.catalog.v1 import bundles_pb2 as pb
from lumbung.catalog.v1 import bundles_pb2_grpc as rpc
from lumbung_catalog.domain.acts import Act
from lumbung_catalog.entrypoints import requests
from lumbung_catalog.entrypoints.desk import Desk
from lumbung_catalog.entrypoints.messages import recipe_version_message
from lumbung_catalog.entrypoints.pages import Pages
from lumbung_catalog.stores import recipes
from lumbung_catalog.usecases.find import read_sku
from lumbung_catalog.usecases.get_recipe import get_recipe, list_recipes
from lumbung_catalog.usecases.set_recipe import set_recipe
from lumbung_catalog.wire import recipe_message, sku_message
from lumbung_kit.postgres import Conn
from lumbung_kit.validate import Check

Context = grpc.aio.ServicerContext[Any, Any]

_NEWEST = 2**31 - 1


class BundleServicer(rpc.BundleServiceServicer):
    """What bundles consume."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    @override
    async def SetRecipe(self, request: pb.SetRecipeRequest, context: Context) -> pb.SetRecipeResponse:
        check = Check()
        check.request_id(request.request_id)
        code = check.code("sku_code", request.sku_code)
        etag = requests.etag(check, "etag", request.etag)
        reason = requests.reason(check, "reason", request.reason, required=False)
        parts = requests.components(check, request.components)
        check.done()

        async def work(conn: Conn, act: Act) -> pb.SetRecipeResponse:
            return pb.SetRecipeResponse(sku=sku_message(await set_recipe(conn, code, etag, parts, act)))

        return await self._desk.mutate("set_recipe", request, pb.SetRecipeResponse, work, reason=reason)

    @override
    async def GetRecipe(self, request: pb.GetRecipeRequest, context: Context) -> pb.GetRecipeResponse:
        check = Check()
        code = check.code("sku_code", request.sku_code)
        check.whole("version", request.version, minimum=0, maximum=_NEWEST - 1)
        check.done()
        async with self._desk.reading() as conn:
            return pb.GetRecipeResponse(recipe=recipe_message(await get_recipe(conn, code, request.version)))

    @override
    async def ListRecipes(self, request: pb.ListRecipesRequest, context: Context) -> pb.ListRecipesResponse:
        check = Check()
        code = check.code("sku_code", request.sku_code)
        pages = Pages(check, "recipes", code)
        pages.begin(request.page_size, request.page_token, (_NEWEST,))
        check.done()
        async with self._desk.reading() as conn:
            found = await list_recipes(conn, code, int(pages.after[0]), pages.size + 1)
        page, token = pages.cut(found, lambda one: (one.recipe.version,))
        return pb.ListRecipesResponse(versions=map(recipe_version_message, page), next_page_token=token)

    @override
    async def ListBundlesOf(
        self, request: pb.ListBundlesOfRequest, context: Context
    ) -> pb.ListBundlesOfResponse:
        check = Check()
        code = check.code("sku_code", request.sku_code)
        pages = Pages(check, "bundles-of", code)
        pages.begin(request.page_size, request.page_token, ("",))
        check.done()
        async with self._desk.reading() as conn:
            await read_sku(conn, code)
            found = await recipes.bundles_of(conn, code, str(pages.after[0]), pages.size + 1)
        page, token = pages.cut(found, lambda sku: (sku.sku_code,))
        return pb.ListBundlesOfResponse(bundles=map(sku_message, page), next_page_token=token)
