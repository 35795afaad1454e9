// Desk is an app that asks Muniment on behalf of people: the same question for each, and each
// gets the answer that is theirs. See README.md beside this file.
import { appendFileSync, readFileSync } from "node:fs";
import grpc from "@grpc/grpc-js";
import protoLoader from "@grpc/proto-loader";

// The contract, as `muniment protoset` writes it.
const contract = protoLoader.loadFileDescriptorSetFromBuffer(
  readFileSync(process.env.MUNIMENT_PROTOSET ?? "muniment.protoset"),
  { keepCase: true, enums: String, longs: String, defaults: true },
);
const muniment = grpc.loadPackageDefinition(contract).muniment.v1;

// One connection for all calls. It belongs to nobody: each call brings the token of its
// person. Without TLS tokens must not leave this machine.
const address = process.env.MUNIMENT_ADDR ?? "127.0.0.1:7600";
const ca = process.env.MUNIMENT_CA;
const transport = ca ? grpc.credentials.createSsl(readFileSync(ca)) : grpc.credentials.createInsecure();
const directory = new muniment.DirectoryService(address, transport);
const retrieval = new muniment.RetrievalService(address, transport);

// onBehalfOf is the metadata of calls for the person. The token was issued to this app for
// that person and says both. If the app has a token of its own as well (docs/identity.md),
// that goes first and the person's beside it.
function onBehalfOf(person) {
  const metadata = new grpc.Metadata();
  const own = process.env.DESK_TOKEN;
  metadata.set("authorization", `Bearer ${own || person}`);
  if (own) metadata.set("x-muniment-user-token", person);
  return metadata;
}

// call calls a method and waits for its answer, half a minute at most.
function call(client, method, request, metadata) {
  return new Promise((resolve, reject) => {
    const options = { deadline: Date.now() + 30_000 };
    client[method](request, metadata, options, (error, answer) => (error ? reject(error) : resolve(answer)));
  });
}

// plain is one line without what a terminal would take for commands.
const plain = (text) => text.replace(/\p{Cc}/gu, "");

async function ask(metadata, question) {
  const who = await call(directory, "GetCaller", {}, metadata);
  const answer = await call(retrieval, "Retrieve", { query: question, limit: 2 }, metadata);
  let text = "";
  const say = (line) => (text += line + "\n");
  say(`${who.user}, through ${who.app}: ${question}`);
  answer.results.forEach((r, i) => {
    say(`${i + 1}. ${r.document.source}/${r.document.id}: ${plain(r.title)}`);
    say(`   ${r.freshness.state.replace("STATE_", "")}: ${r.freshness.reason}`);
    // A passage is somebody else's text. A model should get it marked in the same way, as
    // material and never as instructions.
    for (const line of r.text.replace(/\n$/, "").split("\n")) say(`   | ${plain(line)}`);
  });
  for (const c of answer.conflicts) {
    say(`conflict between ${c.a.result + 1} and ${c.b.result + 1}: ${plain(c.explanation)}`);
  }
  console.log(`${text}retrieval ${answer.retrieval_id}\n`);
  const report = await record(metadata, answer, text);
  // Under these names the audit log has what was retrieved and what was shown; the receipts let
  // an auditor find and prove the records.
  const kept = {
    user: who.user,
    question,
    retrieval_id: answer.retrieval_id,
    receipt: answer.receipt,
    answer_id: report.answer_id,
    answer_receipt: report.receipt,
  };
  appendFileSync("answers.jsonl", JSON.stringify(kept) + "\n", { mode: 0o600 });
}

// record has the audit log remember what was shown, and which passages it stands on.
//
// This app has no model: it shows the passages themselves and cites each of them. One that has
// a model says here which it was (model), by which prompt and which version of that (prompt_id,
// prompt_version), sends the text that its reader saw, and as citations the annotations as the
// model's API returned them: url_citation, file_citation or search_result_location, for which it
// gave the model each result's citation_id or uri. What a person changed before it was shown
// is OUTCOME_EDITED, and what never was shown is recorded too, as WITHHELD or FAILED.
function record(metadata, answer, text) {
  const report = {
    retrieval_ids: [answer.retrieval_id],
    citations: answer.results.map((r) => ({ citation_id: r.citation_id })),
    answer_text: text,
    outcome: "OUTCOME_SHOWN",
    request_id: `desk/${answer.retrieval_id}`, // so that it can be sent again if no response came
  };
  return call(retrieval, "RecordAnswer", report, metadata);
}

const [question, ...sessions] = process.argv.slice(2);
if (sessions.length === 0) {
  console.error("usage: node desk.js QUESTION FILE... (each file has the token of one person)");
  process.exit(2);
}
// A web app would ask in each person's request.
for (const session of sessions) {
  try {
    await ask(onBehalfOf(readFileSync(session, "utf8").trim()), question);
  } catch (error) {
    console.error(`desk: ${session}: ${error.message}`);
    process.exitCode = 1;
    break;
  }
}
directory.close();
retrieval.close();
