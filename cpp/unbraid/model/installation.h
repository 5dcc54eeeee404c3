#pragma once

#include <filesystem>
#include <string>
#include <vector>

/// Finds what was installed together with this binary: a Python module inside its package, or a
/// plug-in inside a bundle that may lie anywhere.
namespace unbraid {

/// What a variable of the environment says, as a path; empty if it is not set.
std::filesystem::path environment_path(const char* name);

/// The file of this binary, with all links resolved; empty when the system does not tell.
std::filesystem::path this_binary();

/// The folders above this binary, the nearest first.
std::vector<std::filesystem::path> folders_above_binary();

/// The folders in which a copied bundle keeps its files: beside the binary, and the Resources
/// folder next to that one.
std::vector<std::filesystem::path> bundle_folders();

/// The values of `key = value` lines in the file unbraid.conf of a bundle folder. The command line
/// writes such a file where a bundle cannot find its package by itself.
std::vector<std::filesystem::path> configured_paths(const std::string& key);

}  // namespace unbraid
