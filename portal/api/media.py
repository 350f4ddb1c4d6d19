"""JSON by two names: what everybody says, and the version of this interface."""

from rest_framework.renderers import JSONRenderer

from portal.api.parsers import StrictJSONParser

V1 = "application/vnd.overread.v1+json"
JSON = (StrictJSONParser.media_type, V1)


class V1Renderer(JSONRenderer):
    """Whoever asks for this version is told that it is what they got; another one is 406."""

    media_type = V1
    format = "v1"


class V1Parser(StrictJSONParser):
    """The same JSON under the name of this version."""

    media_type = V1
