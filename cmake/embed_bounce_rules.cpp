// Build tool: embed_bounce_rules <bounce-rules.yaml> <out.cpp>. Writes the rules as lines "key
// value" into a source file, so that the program has them without a file. It checks nothing: the
// reader of src/config does, and a test compares the two.
#include <fstream>
#include <iostream>
#include <string>

#include <yaml-cpp/yaml.h>

namespace
{

void put(std::ostream& out, const std::string& key, const std::string& value)
{
    out << "    \"" << key << ' ';
    for (const char c : value)
    {
        if (c == '\\' || c == '"')
        {
            out << '\\';
        }
        if (c == '\t' || c == '\n')
        {
            out << (c == '\t' ? "\\t" : "\\n");
        }
        else if (static_cast<unsigned char>(c) >= 0x80)
        {
            // Octal: ends after three digits, whatever follows.
            const unsigned byte = static_cast<unsigned char>(c);
            out << '\\' << ((byte >> 6) & 7) << ((byte >> 3) & 7) << (byte & 7);
        }
        else
        {
            out << c;
        }
    }
    out << "\",\n";
}

std::string text_of(const YAML::Node& node)
{
    return node ? node.as<std::string>() : std::string();
}

void put_sample(std::ostream& out, const std::string& key, const YAML::Node& node)
{
    const std::string tab = "\t";
    put(out, key,
        node.IsMap() ? text_of(node["stage"]) + tab + text_of(node["mx"]) + tab +
                           text_of(node["domain"]) + tab + text_of(node["reply"])
                     : tab + tab + tab + text_of(node));
}

void put_rule(std::ostream& out, const YAML::Node& rule)
{
    put(out, "rule", text_of(rule["name"]));
    for (const auto& member : rule)
    {
        const auto key = member.first.as<std::string>();
        if (key == "name")
        {
            continue;
        }
        const bool is_sample = key == "matches" || key == "others";
        const auto put_one = [&](const YAML::Node& node)
        { is_sample ? put_sample(out, key, node) : put(out, key, text_of(node)); };
        if (!member.second.IsSequence())
        {
            put_one(member.second);
            continue;
        }
        for (const auto& item : member.second)
        {
            put_one(item);
        }
    }
}

} // namespace

int main(int argc, char** argv)
{
    if (argc != 3)
    {
        std::cerr << "usage: embed_bounce_rules RULES.yaml OUT.cpp\n";
        return 2;
    }
    try
    {
        const YAML::Node document = YAML::LoadFile(argv[1]);
        std::ofstream out(argv[2]);
        out << "// Written by the build from " << "conf/bounce-rules.yaml" << ".\n"
            << "#include \"built_in_lines.h\"\n\nnamespace hikyaku::bounce\n{\nnamespace\n{\n"
            << "constexpr std::string_view lines[] = {\n";
        for (const auto& rule : document["rules"])
        {
            put_rule(out, rule);
        }
        out << "};\n} // namespace\n\n"
            << "std::span<const std::string_view> built_in_lines() noexcept\n{\n"
            << "    return lines;\n}\n\n} // namespace hikyaku::bounce\n";
        return out.flush() ? 0 : 1;
    }
    catch (const YAML::Exception& e)
    {
        std::cerr << argv[1] << ": " << e.what() << '\n';
        return 1;
    }
}
