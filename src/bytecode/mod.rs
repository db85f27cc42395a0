//! What compiled code says about itself: pure functions over [`CodeShape`](crate::model::CodeShape).
