"""The OpenAI side, asked by OpenAI's own client and by hand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest

from clitron_dagster_tests.serve.scripted import Script, error_of, serving

ANSWER = (
    '{"type":"command","command":"remove","subcommand":null,"args":{"id":7},"flags":["force"],'
    '"confidence":0.8}'
)


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    with serving() as client:
        yield client


@pytest.fixture(scope="module")
def theirs(client: httpx.Client) -> openai.OpenAI:
    return openai.OpenAI(
        base_url=f"{client.base_url}/v1",
        api_key="any",
        max_retries=0,
        http_client=openai.DefaultHttpxClient(trust_env=False),
    )


def user(content: Any) -> Any:
    return {"role": "user", "content": content}


def test_a_completion(theirs: openai.OpenAI) -> None:
    done = theirs.chat.completions.create(
        model="whatever",
        messages=[
            {"role": "system", "content": "You are a pirate."},
            user("remove 1"), {"role": "assistant", "content": "{}"}, user("remove 7"),
        ],
        temperature=0.7, seed=1, max_tokens=99, extra_body={"unheard_of": [1]},
    )  # fmt: skip
    assert done.object == "chat.completion"
    assert done.model == "clitron-notes-q8_0"
    assert done.choices[0].message.content == ANSWER
    assert done.choices[0].message.role == "assistant"
    assert done.choices[0].finish_reason == "stop"
    assert done.usage is not None
    assert done.usage.model_dump(exclude_none=True) == {
        "prompt_tokens": 9, "completion_tokens": 5, "total_tokens": 14,
    }  # fmt: skip


def test_a_stream_is_one_chunk_and_done(theirs: openai.OpenAI, client: httpx.Client) -> None:
    chunks = list(
        theirs.chat.completions.create(
            model="x", messages=[user("remove 7")], stream=True,
            stream_options={"include_usage": True},
        )
    )  # fmt: skip
    assert [chunk.object for chunk in chunks] == ["chat.completion.chunk"] * 2
    assert chunks[0].choices[0].delta.content == ANSWER
    assert chunks[1].usage is not None
    assert chunks[1].usage.total_tokens == 14
    body = {"messages": [user("remove 7")], "stream": True}
    raw = client.post("/v1/chat/completions", json=body)
    assert raw.headers["content-type"].startswith("text/event-stream")
    first, done, end = raw.text.split("\n\n")
    assert json.loads(first.removeprefix("data: "))["choices"][0]["delta"]["content"] == ANSWER
    assert (done, end) == ("data: [DONE]", "")


def test_models(theirs: openai.OpenAI, client: httpx.Client) -> None:
    assert [model.id for model in theirs.models.list()] == ["clitron-notes-q8_0"]
    assert theirs.models.retrieve("clitron-notes-q8_0").owned_by == "clitron"
    with pytest.raises(openai.NotFoundError):
        theirs.models.retrieve("gpt-5")


def test_context_and_parts_of_text() -> None:
    script = Script()
    asked = {
        "messages": [user([{"type": "text", "text": "remove"}, {"type": "text", "text": "7"}])],
        "context": {"notes": {"current_note": 7}},
    }
    with serving(script) as client:
        client.post("/v1/chat/completions", json=asked)
        asked["context"] = {"notes": 7}
        refused = client.post("/v1/chat/completions", json=asked)
    assert script.batches == [["remove\n7"]]
    assert (refused.status_code, "is not an object" in error_of(refused)) == (400, True)


@pytest.mark.parametrize(
    ("body", "param", "words"),
    [
        ({}, "messages", "`messages` is missing"),
        ({"messages": "hi"}, "messages", "is a string"),
        ({"messages": []}, "messages", "none of role `user`"),
        ({"messages": [{"role": "system", "content": "x"}]}, "messages", "none of role `user`"),
        ({"messages": ["hi"]}, "messages[0]", "is not an object"),
        ({"messages": [user(None)]}, "messages[0].content", "is not text"),
        ({"messages": [user([{"type": "image_url"}])]}, "messages[0].content", "is not text"),
        ({"messages": [user("remove 7")], "stream": "yes"}, "stream", "not true or false"),
        ({"messages": [user("")]}, None, "the request is empty"),
    ],
)
def test_refusals(client: httpx.Client, body: Any, param: str | None, words: str) -> None:
    response = client.post("/v1/chat/completions", json=body)
    assert response.status_code == 400
    assert words in error_of(response)
    assert response.json()["error"]["param"] == param
    assert response.json()["error"]["type"] == "invalid_request_error"


def test_errors_reach_their_client_as_its_own(theirs: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="at most 2000 fit"):
        theirs.chat.completions.create(model="x", messages=[user("x" * 2001)])
    with pytest.raises(openai.UnprocessableEntityError, match="no answer"):
        theirs.chat.completions.create(model="x", messages=[user("illegal")], stream=True)
