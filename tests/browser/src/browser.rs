//! Chromium, driven through chromedriver.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use fantoccini::wd::{Capabilities, WebDriverCompatibleCommand};
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};

use crate::repository;

/// A browser window.
pub struct Browser {
    runtime: Runtime,
    client: Client,
    driver: Child,
}

/// A command that chromedriver has and WebDriver has not.
#[derive(Debug)]
struct Vendor {
    path: &'static str,
    body: Value,
}

impl WebDriverCompatibleCommand for Vendor {
    fn endpoint(&self, base: &url::Url, session: Option<&str>) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/{}", session.unwrap_or_default(), self.path))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(self.body.to_string()))
    }
}

impl Browser {
    /// Opens a window of 1400 by 900.
    pub fn start() -> Self {
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| {
                panic!("chromedriver: {error}; on Debian: apt-get install chromium chromium-driver")
            });
        let output = BufReader::new(driver.stdout.take().unwrap());
        let port = output
            .lines()
            .map_while(Result::ok)
            .find_map(|line| line.split_once("successfully on port ").map(|(_, port)| port.to_owned()))
            .expect("chromedriver tells its port");
        let port = port.trim_end_matches('.');
        let capabilities: Capabilities = serde_json::from_value(json!({
            "goog:loggingPrefs": { "browser": "ALL" },
            "goog:chromeOptions": { "args": [
                "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
                "--window-size=1400,900", "--force-device-scale-factor=1", "--allow-file-access-from-files=false",
            ] },
        }))
        .unwrap();
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let client = runtime.block_on(
            ClientBuilder::new(HttpConnector::new())
                .capabilities(capabilities)
                .connect(&format!("http://127.0.0.1:{port}")),
        );
        Self { runtime, client: client.expect("chromedriver starts chromium"), driver }
    }

    /// Opens a file; `fragment` is empty or begins with `#`.
    pub fn open(&self, path: &Path, fragment: &str) {
        let mut url = url::Url::from_file_path(path).unwrap();
        url.set_fragment(fragment.strip_prefix('#'));
        // Another fragment of the same page would not be loaded anew.
        self.runtime.block_on(self.client.goto("about:blank")).unwrap();
        self.runtime.block_on(self.client.goto(url.as_str())).unwrap();
    }

    pub fn reload(&self) {
        self.runtime.block_on(self.client.refresh()).unwrap();
    }

    pub fn back(&self) {
        self.runtime.block_on(self.client.back()).unwrap();
    }

    /// The part of the address from `#` on.
    pub fn fragment(&self) -> String {
        let url = self.runtime.block_on(self.client.current_url()).unwrap();
        url.fragment().unwrap_or_default().to_owned()
    }

    /// The name of the file that is shown.
    pub fn page(&self) -> String {
        let url = self.runtime.block_on(self.client.current_url()).unwrap();
        url.path_segments().unwrap().next_back().unwrap().to_owned()
    }

    /// The value of a script, which says `return`.
    #[track_caller]
    pub fn js(&self, script: &str) -> Value {
        match self.runtime.block_on(self.client.execute(script, Vec::new())) {
            Ok(value) => value,
            Err(error) => panic!("{script}: {error}"),
        }
    }

    /// The value that a script passes to its last argument, a function.
    #[track_caller]
    pub fn js_async(&self, script: &str) -> Value {
        match self.runtime.block_on(self.client.execute_async(script, Vec::new())) {
            Ok(value) => value,
            Err(error) => panic!("{script}: {error}"),
        }
    }

    /// Clicks where a user would.
    #[track_caller]
    pub fn click(&self, css: &str) {
        let clicked =
            self.runtime.block_on(async { self.client.find(Locator::Css(css)).await?.click().await });
        clicked.unwrap_or_else(|error| panic!("click {css}: {error}"));
    }

    /// Waits until an element that a selector finds is there: for what the page or the browser does in its own time.
    #[track_caller]
    pub fn wait_for(&self, css: &str) {
        let found = self.runtime.block_on(async { self.client.wait().for_element(Locator::Css(css)).await });
        found.unwrap_or_else(|error| panic!("wait for {css}: {error}"));
    }

    /// Presses keys, wherever the focus is.
    #[track_caller]
    pub fn keys(&self, keys: &str) {
        let typed =
            self.runtime.block_on(async { self.client.active_element().await?.send_keys(keys).await });
        typed.unwrap_or_else(|error| panic!("keys {keys:?}: {error}"));
    }

    /// The visible texts of all elements that a selector finds.
    #[track_caller]
    pub fn texts(&self, css: &str) -> Vec<String> {
        let script = format!("return [...document.querySelectorAll({})].map(e => e.innerText)", json!(css));
        let texts = self.js(&script);
        texts.as_array().unwrap().iter().map(|text| text.as_str().unwrap_or_default().to_owned()).collect()
    }

    /// The visible text of the one element that a selector finds.
    #[track_caller]
    pub fn text(&self, css: &str) -> String {
        let texts = self.texts(css);
        assert_eq!(texts.len(), 1, "{css}: {texts:?}");
        texts.into_iter().next().unwrap()
    }

    /// Whether nothing was said on the console so far but what is no error; takes what was said.
    #[track_caller]
    pub fn assert_quiet_console(&self) {
        let entries = self.vendor("se/log", json!({ "type": "browser" }));
        let bad: Vec<_> = entries
            .as_array()
            .unwrap()
            .iter()
            .filter(|entry| entry["level"] == "SEVERE" || entry["level"] == "WARNING")
            .collect();
        assert!(bad.is_empty(), "the console says {bad:?}");
    }

    /// Violations that axe-core calls serious or critical: each as rule, how serious, and where.
    #[track_caller]
    pub fn axe(&self) -> Vec<String> {
        let folder = repository().join("target/browser/node_modules/axe-core/axe.min.js");
        let axe = fs::read_to_string(&folder).unwrap_or_else(|error| {
            panic!("{}: {error}; tests/run fetches it: npm ci --prefix …", folder.display())
        });
        self.js(&format!("{axe}; return 1"));
        let found = self.js_async(
            "const done = arguments[arguments.length - 1];
             axe.run().then(result => done(result.violations
                 .filter(rule => rule.impact === 'serious' || rule.impact === 'critical')
                 .map(rule => rule.id + ' (' + rule.impact + '): '
                     + rule.nodes.map(node => node.html.slice(0, 200) + ' ' + (node.any[0] || node.all[0] || {}).message).slice(0, 5).join(' | '))),
                 error => done(['axe failed: ' + error]))",
        );
        found.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
    }

    pub fn resize(&self, width: u32, height: u32) {
        self.devtools(
            "Emulation.setDeviceMetricsOverride",
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false }),
        );
    }

    /// Lets the system prefer dark or light.
    pub fn prefer_dark(&self, dark: bool) {
        let value = if dark { "dark" } else { "light" };
        self.devtools(
            "Emulation.setEmulatedMedia",
            json!({ "features": [{ "name": "prefers-color-scheme", "value": value }] }),
        );
    }

    /// A command of the DevTools protocol.
    #[track_caller]
    pub fn devtools(&self, command: &str, parameters: Value) -> Value {
        self.vendor("goog/cdp/execute", json!({ "cmd": command, "params": parameters }))
    }

    /// What is to be seen, as PNG.
    pub fn screenshot(&self) -> Vec<u8> {
        self.runtime.block_on(self.client.screenshot()).unwrap()
    }

    #[track_caller]
    fn vendor(&self, path: &'static str, body: Value) -> Value {
        match self.runtime.block_on(self.client.issue_cmd(Vendor { path, body })) {
            Ok(value) => value,
            Err(error) => panic!("{path}: {error}"),
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.runtime.block_on(self.client.clone().close());
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
