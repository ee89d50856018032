"""Signing in and out of the pages over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from gridsvc.access.accounts import sign_in, sign_out
from gridsvc.access.guard import COOKIE, doorkeeper_of, refuse_foreign_pages
from gridsvc.core.http import InTransaction
from gridsvc.core.settings import settings

router = APIRouter(tags=["access"])


class SignIn(BaseModel):
    """A user name and a password."""

    username: Annotated[str, Field(max_length=100)]
    password: Annotated[str, Field(max_length=1000)]


@router.post("/session", status_code=204)
def open_page_session(session: InTransaction, request: Request, response: Response, given: SignIn) -> None:
    """Sign in: sets an HttpOnly cookie that the pages use; 401 with one sentence for every reason."""
    refuse_foreign_pages(request)
    secret = sign_in(session, given.username, given.password, settings().session_hours)
    response.set_cookie(
        COOKIE,
        secret,
        max_age=settings().session_hours * 3600,
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )


@router.delete("/session", status_code=204)
def close_page_session(session: InTransaction, request: Request, response: Response) -> None:
    """Sign out: ends the sign-in on the server and takes the cookie back."""
    refuse_foreign_pages(request)
    if secret := request.cookies.get(COOKIE):
        sign_out(session, secret)
        doorkeeper_of(request).forget(secret)
    response.delete_cookie(COOKIE, httponly=True, samesite="strict")
