#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <yaml-cpp/yaml.h>

#include <hikyaku/base/result.h>
#include <hikyaku/config/config_error.h>

namespace hikyaku::config
{

/// One file being read: collects what is wrong and remembers where keys are.
class document
{
public:
    explicit document(const std::string& file);

    /// Parses one YAML document. A null node after an error, or when the file is empty.
    [[nodiscard]] YAML::Node parse(std::string_view text);

    void fail(const YAML::Mark& at, const std::string& path, std::string text);
    /// At the place where the key `path`, or else the nearest map around it, was read.
    void fail_at_key(const std::string& path, std::string text);
    void remember(const std::string& path, const YAML::Mark& at) { places_[path] = at; }
    [[nodiscard]] bool has(const std::string& path) const { return places_.contains(path); }
    /// A path of the file, absolute against the file's folder; empty stays empty.
    [[nodiscard]] std::string absolute(std::string_view path) const;

    [[nodiscard]] bool good() const noexcept { return errors_.empty(); }
    [[nodiscard]] std::size_t error_count() const noexcept { return errors_.size(); }
    /// Whether something at or below the top-level key `name` is wrong.
    [[nodiscard]] bool has_error_below(std::string_view name) const;
    /// In the order of the file.
    [[nodiscard]] config_errors take_errors();

private:
    std::string file_;
    std::filesystem::path folder_;
    config_errors errors_;
    std::map<std::string, YAML::Mark> places_;
};

/// One key of a map.
struct entry
{
    std::string name;
    std::string path;
    YAML::Mark mark;
    YAML::Node value;
};

/// The keys of a map: each once, all among `known` (nullptr: any name). Wrong ones are told and
/// left out. A null node is an empty map.
/// @param elsewhere  whole paths that an unknown name may have been meant for
[[nodiscard]] std::vector<entry> read_map(document& doc, const YAML::Node& node,
                                          const std::string& path,
                                          const std::vector<std::string>* known,
                                          const std::vector<std::string>& elsewhere = {});

/// The items of a list; tells when it is none.
[[nodiscard]] std::vector<YAML::Node> read_list(document& doc, const YAML::Node& node,
                                                const std::string& path, std::string_view expected);

/// The text of a scalar; tells when it is none.
[[nodiscard]] std::optional<std::string> read_scalar(document& doc, const YAML::Node& node,
                                                     const std::string& path,
                                                     std::string_view expected);

/// "a.b"; `a` alone when the other is empty.
[[nodiscard]] std::string join(const std::string& path, const std::string& name);
/// Text from the file inside quotes, cut and without control characters.
[[nodiscard]] std::string quote(std::string_view text);

/// The whole file.
/// @error it is missing, not a regular file, larger than file_bytes_max, or can't be read
[[nodiscard]] result<std::string, config_errors> read_file(const std::string& path);

} // namespace hikyaku::config
