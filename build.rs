//! Rebuilds after changes in directories whose new files cargo does not detect.

fn main() {
    for directory in ["migrations", "locales", "templates"] {
        println!("cargo:rerun-if-changed={directory}");
    }
}
