// What a script with Splunk's JavaScript SDK does: log in, search, read results, list and run saved searches.
// Prints one JSON object. Arguments: scheme and port of the server, user, password, app.
import sdk from "splunk-sdk";

const [scheme, port, username, password, app] = process.argv.slice(2);
const service = new sdk.Service({ scheme, host: "127.0.0.1", port, username, password, owner: "nobody", app });
const found = {};
const finished = (job) => new Promise((done, failed) => job.track({ period: 20 }, { done, failed, error: failed }));

try {
    found.loggedIn = await service.login();
} catch (error) {
    console.log(JSON.stringify({ status: error.status, messages: error.data.messages }));
    process.exit();
}
const info = await service.serverInfo();
found.version = info.properties().version;
found.user = (await service.currentUser()).name;

const options = { output_mode: "json_rows", earliest_time: "0", latest_time: "now" };
found.oneshot = await service.oneshotSearch("search index=main | sort n | table n tag", options);

const job = await service.search("search index=main | sort - n | table n", { earliest_time: "0" });
await finished(job);
found.done = job.properties().isDone;
found.count = job.properties().resultCount;
[found.results] = await job.results({ count: 2, offset: 1, output_mode: "json_rows" });
found.jobs = (await service.jobs().fetch()).list().map((one) => one.sid);
found.sid = job.sid;
await job.cancel();

const saved = await service.savedSearches().fetch({ count: 0 });
found.saved = saved.list().map((one) => one.name);
const rule = saved.item("All - Rule");
found.search = rule.properties().search;
found.owner = rule.acl().owner;
const [dispatched] = await rule.dispatch({ force_dispatch: true });
await finished(dispatched);
found.dispatched = (await dispatched.results({ output_mode: "json_rows" }))[0].rows.length;

try {
    await service.oneshotSearch("search index=main | nosuch", options);
} catch (error) {
    found.refused = { status: error.status, text: error.data.messages[0].text };
}
console.log(JSON.stringify(found));
