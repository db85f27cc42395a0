//! What is found out of a code object before any event says where control went.
//!
//! Takes longer than anything else that is done with code, so whoever has one shares it. Must not know: what ran.

use super::control_flow::ControlFlow;
use super::ways::Ways;
use crate::model::CodeShape;

/// A code object taken apart, and how control can get from line to line in it.
#[derive(Debug)]
pub(crate) struct Analysis {
    pub(super) flow: ControlFlow,
    pub(super) ways: Ways,
}

impl Analysis {
    pub(super) fn new(shape: &CodeShape) -> Self {
        let flow = ControlFlow::new(shape);
        let ways = Ways::new(&flow, shape);
        Self { flow, ways }
    }
}
