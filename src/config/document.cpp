#include "document.h"

#include "nearest.h"

#include <hikyaku/config/load.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <tuple>

#include <yaml-cpp/anchor.h>
#include <yaml-cpp/emitterstyle.h>
#include <yaml-cpp/eventhandler.h>

namespace hikyaku::config
{
namespace
{

constexpr std::size_t quoted_bytes_max = 80;

std::string_view kind_of(const YAML::Node& node)
{
    switch (node.Type())
    {
    case YAML::NodeType::Undefined:
    case YAML::NodeType::Null:
        return "nothing";
    case YAML::NodeType::Scalar:
        return "a single value";
    case YAML::NodeType::Sequence:
        return "a list";
    case YAML::NodeType::Map:
        return "a map";
    }
    return "nothing";
}

std::string expected_but(std::string_view expected, const YAML::Node& node)
{
    return "expected " + std::string(expected) + ", found " + std::string(kind_of(node));
}

std::string unknown_text(const std::string& name, const std::vector<std::string>& known,
                         const std::vector<std::string>& elsewhere, const std::string& path)
{
    std::string out = "unknown key " + quote(name);
    if (const auto* near = find_nearest(name, known))
    {
        return out + "; the nearest known key is " + join(path, *near);
    }
    // The right name in the wrong place.
    std::vector<std::string> last_names;
    for (const auto& other : elsewhere)
    {
        last_names.push_back(other.substr(other.rfind('.') + 1));
    }
    if (const auto* near = find_nearest(name, last_names))
    {
        return out + "; the nearest known key is " +
               elsewhere[static_cast<std::size_t>(near - last_names.data())];
    }
    return out;
}

/// Remembers where the root node of a document is.
class root_place final : public YAML::EventHandler
{
public:
    [[nodiscard]] const YAML::Mark& mark() const noexcept { return mark_; }

    void OnDocumentStart(const YAML::Mark&) override {}
    void OnDocumentEnd() override {}
    void OnNull(const YAML::Mark& at, YAML::anchor_t) override { note(at); }
    void OnAlias(const YAML::Mark& at, YAML::anchor_t) override { note(at); }
    void OnScalar(const YAML::Mark& at, const std::string&, YAML::anchor_t,
                  const std::string&) override
    {
        note(at);
    }
    void OnSequenceStart(const YAML::Mark& at, const std::string&, YAML::anchor_t,
                         YAML::EmitterStyle::value) override
    {
        note(at);
    }
    void OnSequenceEnd() override {}
    void OnMapStart(const YAML::Mark& at, const std::string&, YAML::anchor_t,
                    YAML::EmitterStyle::value) override
    {
        note(at);
    }
    void OnMapEnd() override {}

private:
    void note(const YAML::Mark& at)
    {
        mark_ = seen_ ? mark_ : at;
        seen_ = true;
    }
    YAML::Mark mark_;
    bool seen_ = false;
};

/// Where a second document begins. YAML::LoadAll can't be asked: what no document can begin with
/// (", a") is to it one more empty document, for ever.
std::optional<YAML::Mark> find_second_document(const std::string& text)
{
    std::istringstream in(text);
    YAML::Parser parser(in);
    root_place first;
    root_place second;
    const bool has_two = parser.HandleNextDocument(first) && parser.HandleNextDocument(second);
    return has_two ? std::optional(second.mark()) : std::nullopt;
}

} // namespace

std::string to_string(const config_error& e)
{
    std::string out = e.file;
    if (e.line > 0)
    {
        out += ":" + std::to_string(e.line) + ":" + std::to_string(e.column);
    }
    out += ": ";
    return out + (e.path.empty() ? "" : e.path + ": ") + e.text;
}

std::string to_string(const config_errors& errors)
{
    std::string out;
    for (const auto& e : errors)
    {
        out += to_string(e) + "\n";
    }
    return out;
}

void throw_exception_from_error(const config_error& e, const boost::source_location&)
{
    throw std::runtime_error(to_string(e));
}
void throw_exception_from_error(const config_errors& e, const boost::source_location&)
{
    throw std::runtime_error(to_string(e));
}

document::document(const std::string& file)
    : file_(file), folder_(std::filesystem::absolute(file.empty() ? "." : file).parent_path())
{
}

YAML::Node document::parse(std::string_view text)
{
    if (text.find('\0') != std::string_view::npos)
    {
        errors_.push_back({file_, 0, 0, "", "the file holds a zero byte: it is not YAML text"});
        return {};
    }
    try
    {
        const std::string whole(text);
        if (const auto second = find_second_document(whole))
        {
            fail(*second, "", "a second document begins here; one is expected");
            return {};
        }
        return YAML::Load(whole);
    }
    catch (const YAML::Exception& e)
    {
        fail(e.mark, "", "not YAML: " + e.msg);
        return {};
    }
}

void document::fail(const YAML::Mark& at, const std::string& path, std::string text)
{
    if (errors_.size() < errors_max)
    {
        const bool known = !at.is_null();
        errors_.push_back(
            {file_, known ? at.line + 1 : 0, known ? at.column + 1 : 0, path, std::move(text)});
    }
}

void document::fail_at_key(const std::string& path, std::string text)
{
    std::string near = path;
    while (!places_.contains(near) && near.find('.') != std::string::npos)
    {
        near.resize(near.rfind('.'));
    }
    const auto found = places_.find(near);
    fail(found == places_.end() ? YAML::Mark::null_mark() : found->second, path, std::move(text));
}

bool document::has_error_below(std::string_view name) const
{
    return std::any_of(errors_.begin(), errors_.end(),
                       [&](const config_error& e)
                       {
                           return e.path.starts_with(name) &&
                                  (e.path.size() == name.size() || e.path[name.size()] == '.' ||
                                   e.path[name.size()] == '[');
                       });
}

std::string document::absolute(std::string_view path) const
{
    return path.empty() ? std::string() : (folder_ / path).lexically_normal().string();
}

config_errors document::take_errors()
{
    std::sort(errors_.begin(), errors_.end(), [](const auto& a, const auto& b)
              { return std::tie(a.line, a.column, a.path) < std::tie(b.line, b.column, b.path); });
    return std::move(errors_);
}

std::vector<entry> read_map(document& doc, const YAML::Node& node, const std::string& path,
                            const std::vector<std::string>* known,
                            const std::vector<std::string>& elsewhere)
{
    std::vector<entry> out;
    if (node.IsNull())
    {
        return out;
    }
    if (!node.IsMap())
    {
        doc.fail(node.Mark(), path, expected_but("a map of keys and values", node));
        return out;
    }
    std::map<std::string, int> seen;
    for (const auto& pair : node)
    {
        const YAML::Mark mark = pair.first.Mark();
        if (!pair.first.IsScalar())
        {
            doc.fail(mark, path, "a key must be a name");
            continue;
        }
        const std::string& name = pair.first.Scalar();
        const std::string whole = join(path, name);
        const auto [first, is_new] = seen.emplace(name, mark.line + 1);
        if (!is_new)
        {
            doc.fail(mark, path,
                     "the key " + quote(name) + " is given twice, first in line " +
                         std::to_string(first->second));
            continue;
        }
        if (known != nullptr && std::find(known->begin(), known->end(), name) == known->end())
        {
            doc.fail(mark, path, unknown_text(name, *known, elsewhere, path));
            continue;
        }
        doc.remember(whole, mark);
        out.push_back({name, whole, mark, pair.second});
    }
    return out;
}

std::vector<YAML::Node> read_list(document& doc, const YAML::Node& node, const std::string& path,
                                  std::string_view expected)
{
    if (!node.IsSequence())
    {
        doc.fail(node.Mark(), path, expected_but(expected, node));
        return {};
    }
    return {node.begin(), node.end()};
}

std::optional<std::string> read_scalar(document& doc, const YAML::Node& node,
                                       const std::string& path, std::string_view expected)
{
    if (!node.IsScalar())
    {
        doc.fail(node.Mark(), path, expected_but(expected, node));
        return std::nullopt;
    }
    return node.Scalar();
}

std::string join(const std::string& path, const std::string& name)
{
    return path.empty() ? name : path + "." + name;
}

std::string quote(std::string_view text)
{
    std::string out = "\"";
    for (const char c : text.substr(0, quoted_bytes_max))
    {
        const bool is_control = static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
        out += is_control ? '?' : c;
    }
    return out + (text.size() > quoted_bytes_max ? "…\"" : "\"");
}

result<std::string, config_errors> read_file(const std::string& path)
{
    const auto no = [&](std::string why)
    { return config_errors{{path, 0, 0, "", std::move(why)}}; };
    std::error_code ec;
    if (!std::filesystem::is_regular_file(path, ec))
    {
        return no(ec ? "can't be read: " + ec.message() : "is not a regular file");
    }
    std::ifstream in(path, std::ios::binary);
    std::string text(file_bytes_max + 1, '\0');
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (in.bad() || !in.is_open())
    {
        return no("can't be read");
    }
    text.resize(static_cast<std::size_t>(in.gcount()));
    if (text.size() > file_bytes_max)
    {
        return no("is larger than " + std::to_string(file_bytes_max) + " bytes");
    }
    return {boost::system::in_place_value, std::move(text)};
}

} // namespace hikyaku::config
