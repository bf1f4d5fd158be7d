//! The templates that are there without anybody having kept them.

use std::collections::BTreeMap;
use std::path::Path;

use super::super::SetUpError;
use super::{Preset, Template};

/// Built in, in the order in which they are listed.
const BUILT_IN: [(&str, &str); 5] = [
    ("model_serving.json", include_str!("../../../config/templates/model_serving.json")),
    ("training_job.json", include_str!("../../../config/templates/training_job.json")),
    ("notebook.json", include_str!("../../../config/templates/notebook.json")),
    ("data_pipeline.json", include_str!("../../../config/templates/data_pipeline.json")),
    ("cluster.json", include_str!("../../../config/templates/cluster.json")),
];
const PRESETS: &str = include_str!("../../../config/templates/presets.json");
/// Files that a folder of templates may have, and their size.
const MOST_FILES: usize = 200;
const LARGEST_FILE: u64 = 1 << 20;

/// Templates by their id.
#[derive(Clone, Debug)]
pub struct Catalogue(BTreeMap<String, Template>);

impl Catalogue {
    /// Those that are built in, and those of a folder; one there takes the place of a built-in one of the same id.
    ///
    /// # Errors
    /// When the folder or a file in it cannot be used.
    pub fn load(folder: Option<&Path>) -> Result<Catalogue, SetUpError> {
        let mut templates = BTreeMap::new();
        for (name, text) in BUILT_IN {
            let template = read(Path::new(name), text)?;
            templates.insert(template.id.clone(), template);
        }
        if let Some(folder) = folder {
            for template in of_folder(folder)? {
                templates.insert(template.id.clone(), template);
            }
        }
        Ok(Catalogue(templates))
    }

    /// All of them, by id.
    pub fn iter(&self) -> impl Iterator<Item = &Template> {
        self.0.values()
    }

    /// One of them.
    pub fn get(&self, id: &str) -> Option<&Template> {
        self.0.get(id)
    }
}

/// Panels that stand for themselves.
///
/// # Errors
/// Never with the file as it stands: a test reads it.
pub fn presets() -> Result<Vec<Preset>, serde_json::Error> {
    serde_json::from_str(PRESETS)
}

fn of_folder(folder: &Path) -> Result<Vec<Template>, SetUpError> {
    let failed = |path: &Path, reason: String| SetUpError::Template { path: path.to_owned(), reason };
    let entries = std::fs::read_dir(folder).map_err(|error| failed(folder, format!("the folder cannot be read: {error}")))?;
    let mut paths: Vec<_> =
        entries.flatten().map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|e| e == "json")).collect();
    paths.sort();
    // The presets of the shipped folder are no template.
    paths.retain(|path| path.file_name().is_none_or(|name| name != "presets.json"));
    if paths.len() > MOST_FILES {
        return Err(failed(folder, format!("it has {} templates, at most {MOST_FILES} are read", paths.len())));
    }
    let one = |path: &Path| {
        let size = path.metadata().map_or(0, |file| file.len());
        if size > LARGEST_FILE {
            return Err(failed(path, format!("it has {size} bytes, at most {LARGEST_FILE} are read")));
        }
        let text = std::fs::read_to_string(path).map_err(|error| failed(path, error.to_string()))?;
        read(path, &text)
    };
    paths.iter().map(|path| one(path)).collect()
}

fn read(path: &Path, text: &str) -> Result<Template, SetUpError> {
    let failed = |reason: String| SetUpError::Template { path: path.to_owned(), reason };
    let template: Template = serde_json::from_str(text).map_err(|error| failed(error.to_string()))?;
    match template.problems().first() {
        None => Ok(template),
        Some(problem) => Err(failed(problem.to_string())),
    }
}
