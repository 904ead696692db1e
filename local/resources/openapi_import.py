"""Imports a REST API's OpenAPI document the way API Gateway does, with one call for each thing that it describes.

The emulator cannot import documents itself. What is written here follows
https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions.html; an extension that
is not understood at its place is refused.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, cast

from local.resources.calls import call
from local.resources.parameters import Given, Move

_EXTENSION = "x-amazon-apigateway-"
_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", f"{_EXTENSION}any-method")
_PATH_WORDS = ("parameters", "summary", "description", "servers")
_UNDERSTOOD = re.compile(
    rf"{_EXTENSION}(request-validators|request-validator|gateway-responses)"
    rf"|components securitySchemes \S+ {_EXTENSION}(authorizer|authtype)"
    rf"|paths \S+ {_EXTENSION}any-method"
    rf"|paths \S+ \S+ {_EXTENSION}(integration|request-validator)"
)
_LOCATIONS = {"path": "path", "query": "querystring", "header": "header"}
_PAGE = 500  # the most that API Gateway returns at once
_NONE: Mapping[str, Any] = {"authorizationType": "NONE"}


def import_openapi(client: Any, api_id: str, root_id: str, body: Given) -> None:
    """Create in a new REST API everything that an OpenAPI 3.0 document (JSON text) describes."""
    try:
        document = replace(body, value=json.loads(body.value))
    except (TypeError, ValueError) as error:
        raise body.refuse(f"must be a JSON document ({error})") from error
    if not str(document.value.get("openapi", "")).startswith("3.0."):
        raise body.refuse("must be an OpenAPI 3.0 document, the newest that API Gateway imports")
    for path, extension in _extensions(document.value, ()):
        if not _UNDERSTOOD.fullmatch(" ".join((*path, extension))):
            where = replace(document, path=".".join((document.path, *path)), value=extension)
            raise where.refuse(
                "is not an extension that local mode supports here; see local/resources/openapi_import.py"
            )
    _Import(client, api_id, document, {"/": root_id}).run()


def clear_api(client: Any, api_id: str) -> None:
    """Delete everything that a document has described; the API itself, its stages and deployments stay."""
    api = {"restApiId": api_id}
    for resource in client.get_resources(**api, limit=_PAGE)["items"]:
        if resource["path"].count("/") == 1 and resource["path"] != "/":  # this also deletes the resources below it
            client.delete_resource(**api, resourceId=resource["id"])
        elif resource["path"] == "/":
            for method in resource.get("resourceMethods", ()):
                client.delete_method(**api, resourceId=resource["id"], httpMethod=method)
    for authorizer in client.get_authorizers(**api, limit=_PAGE)["items"]:
        client.delete_authorizer(**api, authorizerId=authorizer["id"])
    for validator in client.get_request_validators(**api, limit=_PAGE)["items"]:
        client.delete_request_validator(**api, requestValidatorId=validator["id"])
    for model in client.get_models(**api, limit=_PAGE)["items"]:
        client.delete_model(**api, modelName=model["name"])
    for response in client.get_gateway_responses(**api, limit=_PAGE)["items"]:
        if not response.get("defaultResponse"):
            client.delete_gateway_response(**api, responseType=response["responseType"])


@dataclass
class _Import:
    client: Any
    api_id: str
    document: Given
    resources: dict[str, str]
    """Ids by path; the root is there from the beginning."""
    validators: dict[str, str] = field(default_factory=dict[str, str])
    authorizations: dict[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])
    """By security scheme: what PutMethod has to say where the scheme is required."""
    models: set[str] = field(default_factory=set[str])

    def run(self) -> None:
        root = self.document.children()
        components = root["components"].children() if "components" in root else {}
        for name, rules in _children(root.get(f"{_EXTENSION}request-validators")):
            self.validators[name] = self._call("CreateRequestValidator", rules, also={"name": name})["id"]
        for name, schema in _children(components.get("schemas")):
            self._create_model(name, schema)
        for name, scheme in _children(components.get("securitySchemes")):
            self.authorizations[name] = self._authorization(name, scheme)
        for path, item in _children(root.get("paths")):
            self._import_path(path, item)
        for kind, response in _children(root.get(f"{_EXTENSION}gateway-responses")):
            self._call("PutGatewayResponse", response, {"statusCode": _as_text}, {"responseType": kind})

    def _call(
        self,
        operation: str,
        given: Given,
        moves: Mapping[str, Move] | None = None,
        also: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        return call(self.client, operation, replace(given, key=""), moves, {"restApiId": self.api_id, **(also or {})})

    def _create_model(self, name: str, schema: Given) -> str:
        """References between models go by the models' addresses."""
        if not name.isalnum():
            raise schema.refuse(f"cannot be a model: {name} must have letters and digits only")
        if name not in self.models:
            self.models.add(name)
            address = f"https://apigateway.amazonaws.com/restapis/{self.api_id}/models/"
            text = json.dumps(schema.value).replace('"#/components/schemas/', f'"{address}')
            also = {"name": name, "contentType": "application/json", "schema": text}
            self._call("CreateModel", replace(schema, value={}), also=also)
        return name

    def _model(self, schema: Given) -> str:
        reference = schema.value.get("$ref", "")
        if reference:
            return str(reference).removeprefix("#/components/schemas/")
        digest = hashlib.sha256(json.dumps(schema.value, sort_keys=True).encode()).hexdigest()
        return self._create_model(f"MODEL{digest[:6]}", schema)

    def _authorization(self, name: str, scheme: Given) -> Mapping[str, Any]:
        parts = scheme.children()
        authorizer = parts.get(f"{_EXTENSION}authorizer")
        if authorizer is not None:
            header = parts["name"].value if "name" in parts else "Authorization"
            source = (
                {} if "identitySource" in authorizer.value else {"identitySource": f"method.request.header.{header}"}
            )
            created = self._call("CreateAuthorizer", authorizer, {"type": _upper("type")}, {"name": name, **source})
            kind = created["type"] if created["type"] == "COGNITO_USER_POOLS" else "CUSTOM"
            return {"authorizationType": kind, "authorizerId": created["id"]}
        if scheme.value.get(f"{_EXTENSION}authtype") == "awsSigv4":
            return {"authorizationType": "AWS_IAM"}
        if scheme.value.get("type") == "apiKey" and scheme.value.get("name") == "x-api-key":
            return {"apiKeyRequired": True}
        raise scheme.refuse(f"must have an {_EXTENSION}authorizer, or be AWS's signature or API key")

    def _import_path(self, path: str, item: Given) -> None:
        parent = "/"
        for part in path.strip("/").split("/") if path != "/" else ():
            here = f"{parent.rstrip('/')}/{part}"
            if here not in self.resources:
                also = {"parentId": self.resources[parent], "pathPart": part}
                self.resources[here] = self._call("CreateResource", replace(item, value={}), also=also)["id"]
            parent = here
        shared = self._parameters(item)
        for method, operation in item.children().items():
            if method in _METHODS:
                self._import_method(self.resources[parent], method, operation, shared)
            elif method not in _PATH_WORDS:
                raise operation.refuse(f"is not a method that API Gateway has: {', '.join(_METHODS)}")

    def _parameters(self, block: Given) -> dict[str, bool]:
        given = block.children().get("parameters")
        return dict(_request_parameter(self._resolved(each)) for each in (given.items() if given else ()))

    def _import_method(self, resource_id: str, name: str, operation: Given, shared: Mapping[str, bool]) -> None:
        method = {"resourceId": resource_id, "httpMethod": "ANY" if name.startswith(_EXTENSION) else name.upper()}
        parts = operation.children()
        also = {
            **method,
            **self._security(operation),
            **self._validator(operation),
            "requestParameters": {**shared, **self._parameters(operation)},
            "requestModels": self._body_models(parts.get("requestBody")),
        }
        if "operationId" in parts:
            also["operationName"] = parts["operationId"]
        self._call("PutMethod", replace(operation, value={}), also=also)

        headers = {
            status: self._import_response(method, status, self._resolved(response))
            for status, response in _children(parts.get("responses"))
        }
        integration = parts.get(f"{_EXTENSION}integration")
        if integration is None:
            raise operation.refuse(f"must have an {_EXTENSION}integration")
        self._import_integration(method, integration, headers)

    def _validator(self, operation: Given) -> Mapping[str, str]:
        extension = f"{_EXTENSION}request-validator"
        named = operation.children().get(extension) or self.document.children().get(extension)
        if named is None:
            return {}
        if named.value not in self.validators:
            raise named.refuse(f"must be one of the document's validators: {', '.join(self.validators)}")
        return {"requestValidatorId": self.validators[named.value]}

    def _security(self, operation: Given) -> Mapping[str, Any]:
        required = operation.children().get("security") or self.document.children().get("security")
        if required is None or not required.value:
            return _NONE
        if len(required.value) > 1:
            raise required.refuse("must name one alternative: API Gateway knows no others")
        method: dict[str, Any] = dict(_NONE)
        for name, scopes in required.item(0).children().items():
            if name not in self.authorizations:
                raise scopes.refuse(f"names no security scheme; use one of {', '.join(self.authorizations)}")
            method |= self.authorizations[name]
            if scopes.value:
                method["authorizationScopes"] = scopes
        return method

    def _body_models(self, body: Given | None) -> dict[str, str]:
        content = self._resolved(body).children().get("content") if body else None
        return {
            media_type: self._model(entry.child("schema"))
            for media_type, entry in _children(content)
            if "schema" in entry.value
        }

    def _import_response(self, method: Mapping[str, Any], status: str, response: Given) -> set[str]:
        if not status.isdecimal():
            raise response.refuse(f"stands for {status}; API Gateway knows only single status codes")
        parts = response.children()
        headers = {name for name, _ in _children(parts.get("headers"))}
        also = {
            **method,
            "statusCode": status,
            "responseParameters": {f"method.response.header.{header}": False for header in headers},
            "responseModels": self._body_models(response),
        }
        self._call("PutMethodResponse", replace(response, value={}), also=also)
        return headers

    def _import_integration(self, method: Mapping[str, Any], given: Given, headers: Mapping[str, set[str]]) -> None:
        moves: Mapping[str, Move] = {
            "type": _upper("type"),
            "httpMethod": "integrationHttpMethod",
            "passthroughBehavior": _upper("passthroughBehavior"),
            "contentHandling": _upper("contentHandling"),
            "responses": lambda _: {},
        }
        self._call("PutIntegration", given, moves, method)
        for pattern, response in _children(given.children().get("responses")):
            status = str(response.value.get("statusCode", ""))
            if status not in headers:
                raise response.refuse(f"has the status code {status or 'none'}, which the method does not declare")
            for name, value in _children(response.children().get("responseParameters")):
                if name.removeprefix("method.response.header.") not in headers[status]:
                    raise value.refuse(f"goes to {name}, which the method's response {status} does not declare")
            also = dict(method) if pattern == "default" else {**method, "selectionPattern": pattern}
            response_moves: Mapping[str, Move] = {"statusCode": _as_text, "contentHandling": _upper("contentHandling")}
            self._call("PutIntegrationResponse", response, response_moves, also)

    def _resolved(self, given: Given) -> Given:
        """Follow a reference inside the document."""
        reference = cast("dict[str, Any]", given.value).get("$ref") if isinstance(given.value, dict) else None
        if reference is None:
            return given
        if not reference.startswith("#/"):
            raise given.refuse("must be a reference inside the document (#/...)")
        target = self.document
        for part in reference[2:].split("/"):
            if part not in target.value:
                raise given.refuse("refers to nothing")
            target = target.child(part)
        return self._resolved(target)


def _request_parameter(parameter: Given) -> tuple[str, bool]:
    place = parameter.value.get("in")
    if place not in _LOCATIONS:
        raise parameter.refuse(f"must be in {', '.join(_LOCATIONS)}: API Gateway maps no others")
    required = bool(parameter.value.get("required", place == "path"))
    return f"method.request.{_LOCATIONS[place]}.{parameter.value['name']}", required


def _upper(member: str) -> Move:
    """OpenAPI documents write in lower case what the API wants in upper case."""
    return lambda text: {member: replace(text, value=str(text.value).upper())}


def _as_text(status: Given) -> Mapping[str, Any]:
    return {"statusCode": replace(status, value=str(status.value))}


def _children(given: Given | None) -> Iterator[tuple[str, Given]]:
    return iter(given.children().items() if given else ())


def _extensions(node: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Find every extension of API Gateway's, wherever it stands; what stands inside one belongs to it."""
    if isinstance(node, dict):
        for key, value in cast("dict[str, Any]", node).items():
            if key.startswith(_EXTENSION):
                yield path, key
                if key != f"{_EXTENSION}any-method":
                    continue
            yield from _extensions(value, (*path, key))
    elif isinstance(node, list):
        for index, value in enumerate(cast("list[Any]", node)):
            yield from _extensions(value, (*path, str(index)))
