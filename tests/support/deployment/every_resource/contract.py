"""An OpenAPI document with one of everything that the import knows."""

import json

ORIGIN = "Access-Control-Allow-Origin"


def document(pool_arn: str, invoke_arn: str) -> str:
    proxy = {"type": "aws_proxy", "httpMethod": "POST", "uri": invoke_arn}
    preflight = {
        "type": "mock",
        "requestTemplates": {"application/json": '{"statusCode": 204}'},
        "responses": {
            "default": {"statusCode": "204", "responseParameters": {f"method.response.header.{ORIGIN}": "'*'"}}
        },
    }
    return json.dumps(
        {
            "openapi": "3.0.1",
            "info": {"title": "everything", "version": "1"},
            "x-amazon-apigateway-request-validators": {"all": {"validateRequestBody": True}},
            "x-amazon-apigateway-request-validator": "all",
            "x-amazon-apigateway-gateway-responses": {
                "BAD_REQUEST_BODY": {
                    "statusCode": 422,
                    "responseTemplates": {"application/json": '{"problem": $context.error.messageString}'},
                }
            },
            "components": {
                "securitySchemes": {
                    "user": {
                        "type": "apiKey",
                        "name": "Authorization",
                        "in": "header",
                        "x-amazon-apigateway-authtype": "cognito_user_pools",
                        "x-amazon-apigateway-authorizer": {"type": "cognito_user_pools", "providerARNs": [pool_arn]},
                    }
                },
                "schemas": {
                    "Note": {
                        "type": "object",
                        "required": ["text"],
                        "properties": {"text": {"$ref": "#/components/schemas/Text"}},
                    },
                    "Text": {"type": "string", "minLength": 1},
                },
                "headers": {ORIGIN: {"schema": {"type": "string"}}},
            },
            "paths": {
                "/notes": {
                    "post": {
                        "operationId": "addNote",
                        "requestBody": {
                            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Note"}}}
                        },
                        "responses": {"200": {"description": "added"}},
                        "x-amazon-apigateway-integration": proxy,
                    },
                    "options": {
                        "responses": {
                            "204": {
                                "description": "preflight",
                                "headers": {ORIGIN: {"$ref": f"#/components/headers/{ORIGIN}"}},
                            }
                        },
                        "x-amazon-apigateway-integration": preflight,
                    },
                },
                "/notes/{note_id}": {
                    "parameters": [{"name": "note_id", "in": "path", "required": True, "schema": {"type": "string"}}],
                    "get": {
                        "security": [{"user": []}],
                        "responses": {"200": {"description": "found"}},
                        "x-amazon-apigateway-integration": proxy,
                    },
                },
            },
        }
    )
