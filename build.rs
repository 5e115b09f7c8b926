//! cargo notices a changed migration by itself, but not a new one, nor any change of the words.

fn main() {
    for directory in ["migrations", "locales", "templates"] {
        println!("cargo:rerun-if-changed={directory}");
    }
}
