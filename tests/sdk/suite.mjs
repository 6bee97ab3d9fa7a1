// The official clients of OpenAI and Anthropic for JavaScript against a NovaCore server.
// node suite.mjs URL KEY SPENT_KEY: prints "ok NAME" for each check; the first that fails ends it.

import assert from "node:assert/strict";
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";

const [url, key, spentKey] = process.argv.slice(2);
const openai = new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0 });
const anthropic = new Anthropic({ baseURL: url, apiKey: key, maxRetries: 0 });
const say = (content) => [{ role: "user", content }];
const parameters = { type: "object", properties: { city: { type: "string" } } };
const openaiTools = [{ type: "function", function: { name: "weather", parameters } }];
const anthropicTools = [{ name: "weather", description: "Weather.", input_schema: parameters }];

// Counts how often a client asks: what it retries by itself.
function counting() {
  const counted = { count: 0 };
  counted.fetch = (...request) => {
    counted.count += 1;
    return fetch(...request);
  };
  return counted;
}

async function caught(promise) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  return assert.fail("nothing was thrown");
}

const checks = {
  async "openai: a whole answer with its usage"() {
    const made = await openai.chat.completions.create({
      model: "default",
      messages: say("case-plain"),
    });
    assert.equal(made.choices[0].message.content, "hello there");
    assert.equal(made.usage.prompt_tokens, 12);
  },
  async "openai: a stream with its usage at the end"() {
    for (const model of ["default", "claude"]) {
      const stream = await openai.chat.completions.create({
        model,
        messages: say("case-plain"),
        stream: true,
        stream_options: { include_usage: true },
      });
      let text = "";
      let usage = null;
      for await (const chunk of stream) {
        text += chunk.choices[0]?.delta?.content ?? "";
        usage = chunk.usage ?? usage;
      }
      assert.equal(text, "hello there");
      assert.equal(usage.completion_tokens, 3);
    }
  },
  async "openai: a tool is called by the client's own loop"() {
    const runner = openai.chat.completions.runTools({
      model: "claude",
      messages: say("case-tools"),
      tools: [
        {
          type: "function",
          function: {
            name: "weather",
            parameters,
            parse: JSON.parse,
            function: ({ city }) => `case-tool-result ${city}`,
          },
        },
      ],
    });
    assert.equal(await runner.finalContent(), "it is sunny");
  },
  async "openai: tool calls come in a stream"() {
    const stream = openai.chat.completions.stream({
      model: "default",
      messages: say("case-tools"),
      tools: openaiTools,
    });
    const made = await stream.finalChatCompletion();
    const call = made.choices[0].message.tool_calls[0];
    assert.deepEqual(JSON.parse(call.function.arguments), { city: "Rome" });
  },
  async "openai: a stream that breaks throws"() {
    const read = async () => {
      const stream = await openai.chat.completions.create({
        model: "default",
        messages: say("case-break"),
        stream: true,
      });
      for await (const _chunk of stream);
    };
    assert.ok((await caught(read())) instanceof OpenAI.APIError);
  },
  async "openai: models and embeddings"() {
    const models = [];
    for await (const model of openai.models.list()) models.push(model.id);
    assert.deepEqual(models, ["scripted", "claude"]);
    assert.equal((await openai.models.retrieve("claude")).id, "claude");
    const made = await openai.embeddings.create({ model: "default", input: ["a cat"] });
    assert.ok(made.data[0].embedding.length > 100);
  },
  async "openai: errors have their classes"() {
    const unknown = openai.chat.completions.create({ model: "nope", messages: say("x") });
    const error = await caught(unknown);
    assert.ok(error instanceof OpenAI.NotFoundError);
    assert.equal(error.code, "model_not_found");
    const stranger = new OpenAI({ baseURL: `${url}/v1`, apiKey: "nova_x", maxRetries: 0 });
    const refused = stranger.chat.completions.create({ model: "default", messages: say("x") });
    assert.ok((await caught(refused)) instanceof OpenAI.AuthenticationError);
  },
  async "openai: a spent limit is asked once, a failing provider again"() {
    let counted = counting();
    const spent = new OpenAI({ baseURL: `${url}/v1`, apiKey: spentKey, fetch: counted.fetch });
    const error = await caught(
      spent.chat.completions.create({ model: "default", messages: say("case-plain") }),
    );
    assert.ok(error instanceof OpenAI.RateLimitError);
    assert.equal(error.type, "insufficient_quota");
    assert.equal(counted.count, 1);
    counted = counting();
    const patient = new OpenAI({ baseURL: `${url}/v1`, apiKey: key, fetch: counted.fetch });
    const made = await patient.chat.completions.create({
      model: "default",
      messages: say("case-flaky-js"),
    });
    assert.equal(made.choices[0].message.content, "back again");
    assert.equal(counted.count, 2);
  },
  async "openai: a client that waits no longer leaves"() {
    const slow = openai.chat.completions.create(
      { model: "default", messages: say("case-slow") },
      { timeout: 300 },
    );
    assert.ok((await caught(slow)) instanceof OpenAI.APIConnectionTimeoutError);
  },
  async "anthropic: whole and streamed"() {
    for (const model of ["default", "claude"]) {
      const made = await anthropic.messages.create({
        model,
        max_tokens: 50,
        messages: say("case-plain"),
      });
      assert.equal(made.content[0].text, "hello there");
      const stream = anthropic.messages.stream({
        model,
        max_tokens: 50,
        messages: say("case-plain"),
      });
      assert.equal(await stream.finalText(), "hello there");
      assert.equal((await stream.finalMessage()).usage.output_tokens, 3);
    }
  },
  async "anthropic: tools there and back"() {
    for (const model of ["default", "claude"]) {
      const asked = {
        model,
        max_tokens: 50,
        tools: anthropicTools,
        messages: say("case-tools"),
      };
      const made = await anthropic.messages.stream(asked).finalMessage();
      const call = made.content.find((block) => block.type === "tool_use");
      assert.deepEqual(call.input, { city: "Rome" });
      assert.equal(made.stop_reason, "tool_use");
      const result = { type: "tool_result", tool_use_id: call.id, content: "case-tool-result" };
      const done = await anthropic.messages.create({
        ...asked,
        messages: [
          ...asked.messages,
          { role: "assistant", content: made.content },
          { role: "user", content: [result] },
        ],
      });
      assert.equal(done.content[0].text, "it is sunny");
    }
  },
  async "anthropic: models, counted tokens, errors"() {
    const models = [];
    for await (const model of anthropic.models.list()) models.push(model.id);
    assert.deepEqual(models, ["scripted", "claude"]);
    const counted = await anthropic.messages.countTokens({
      model: "claude",
      messages: say("one two three"),
    });
    assert.ok(counted.input_tokens > 3);
    const unknown = anthropic.messages.create({
      model: "nope",
      max_tokens: 5,
      messages: say("x"),
    });
    assert.ok((await caught(unknown)) instanceof Anthropic.NotFoundError);
    const read = async () => {
      const stream = anthropic.messages.stream({
        model: "claude",
        max_tokens: 50,
        messages: say("case-break"),
      });
      await stream.finalMessage();
    };
    assert.ok((await caught(read())) instanceof Anthropic.APIError);
  },
};

for (const [name, check] of Object.entries(checks)) {
  await check();
  console.log(`ok ${name}`);
}
