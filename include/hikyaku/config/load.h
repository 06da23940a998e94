#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <hikyaku/base/result.h>
#include <hikyaku/bounce/classifier.h>
#include <hikyaku/config/config_error.h>
#include <hikyaku/config/settings.h>
#include <hikyaku/shaping/shaping_table.h>

namespace hikyaku::config
{

/// A larger file is refused.
inline constexpr std::size_t file_bytes_max = 1u << 20;
/// After so many errors the rest of the file is not looked at.
inline constexpr std::size_t errors_max = 100;

/// Reads hikyaku.yaml and checks it as a whole. Relative paths are made absolute against the file's
/// folder. Does not open the files it names: use load_shaping() for settings::shaping.
///
/// @error every mistake found, in the order of the file: syntax (then only that), unknown keys with
///        the nearest known one, keys given twice, wrong types and ranges, contradictions
[[nodiscard]] result<settings, config_errors> load(const std::string& path);

/// The same for text that is in memory. `file` is for error texts and for relative paths.
[[nodiscard]] result<settings, config_errors> parse(std::string_view text, const std::string& file);

/// Reads shaping.yaml. An empty path gives the built-in limits.
/// @error like load()
[[nodiscard]] result<std::shared_ptr<const shaping::shaping_table>, config_errors>
load_shaping(const std::string& path);
[[nodiscard]] result<std::shared_ptr<const shaping::shaping_table>, config_errors>
parse_shaping(std::string_view text, const std::string& file);

/// Reads bounce-rules.yaml, compiles the rules and tries their samples. An empty path gives the
/// built-in ones.
/// @error like load()
[[nodiscard]] result<std::shared_ptr<const bounce::classifier>, config_errors>
load_bounce_rules(const std::string& path);
[[nodiscard]] result<std::shared_ptr<const bounce::classifier>, config_errors>
parse_bounce_rules(std::string_view text, const std::string& file);

/// Every key of hikyaku.yaml that holds a value ("delivery.smtp_port"), in the order of the file.
/// Members of list items and of maps with free names are written with "[]" and "*":
/// "sources[].name", "pools.*[].weight".
[[nodiscard]] std::vector<std::string> known_keys();

/// Key paths whose values differ.
struct setting_changes
{
    /// Taken over by a reload.
    std::vector<std::string> live;
    /// Only by a restart.
    std::vector<std::string> needs_restart;
};
/// Compares values, not texts. The contents of the files that settings name (shaping, TLS
/// certificates) are read anew by each reload and are not compared here.
[[nodiscard]] setting_changes diff(const settings& running, const settings& wanted);

} // namespace hikyaku::config
