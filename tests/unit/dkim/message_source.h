#pragma once

#include <random>
#include <string>
#include <string_view>

namespace hikyaku::dkim::testing
{

/// A message as awkward as the wire allows: a seed gives the same one for ever.
struct made_message
{
    std::string header;
    std::string body;
};

class message_source
{
public:
    /// @param spaced_names  now and then white space before the colon, which dkimpy refuses
    explicit message_source(unsigned seed, bool spaced_names = true)
        : random_(seed), spaced_names_(spaced_names)
    {
    }

    [[nodiscard]] made_message next()
    {
        made_message m;
        const unsigned extra = below(12);
        const unsigned from = below(extra + 1);
        for (unsigned i = 0; i <= extra; ++i)
        {
            add_field(m.header, i == from ? pick(from_names) : pick(names));
        }
        m.body = make_body();
        return m;
    }
    [[nodiscard]] unsigned below(unsigned bound) { return random_() % bound; }

private:
    static constexpr std::string_view from_names[] = {"From", "FROM", "from", "fRoM"};
    static constexpr std::string_view names[] = {
        "To",
        "to",
        "TO",
        "Subject",
        "Subject",
        "SUBJECT",
        "Date",
        "Message-ID",
        "Reply-To",
        "MIME-Version",
        "Cc",
        "List-Id",
        "Feedback-ID",
        "Received",
        "Content-Type",
        "X-Other",
        "Received",
        "From",
        "Content-Transfer-Encoding",
        "Sender",
        "List-Unsubscribe-Post",
    };
    static constexpr std::string_view value_pieces[] = {
        " ",
        "  ",
        "\t",
        "\r\n ",
        "\r\n\t",
        "\r\n  \t ",
        "x",
        "a:b",
        ";",
        "=",
        "word",
        "=?UTF-8?B?44GC?=",
        "\xE3\x81\x82",
        "\xFF",
        "\"q q\"",
        "<a@b.c>",
        ",",
        "DKIM-Signature: v=1; b=",
        "averylongwordthatgoesonandonandonandonandonandonandonandonandon",
    };
    static constexpr std::string_view body_pieces[] = {
        " ",         "  ",
        "\t",        " \t ",
        "\r\n",      "\r\n",
        "\r\n\r\n",  " \r\n",
        "\t\r\n",    ".",
        "\r\n.\r\n", "..",
        "word",      "the",
        "quick",     "\xE3\x81\x82",
        "\xFF\xFE",  "\x80",
        "<td>",      "From ",
        "=20",       "0123456789012345678901234567890123456789012345678901234567890123456789",
    };

    template <std::size_t Size>
    [[nodiscard]] std::string_view pick(const std::string_view (&from)[Size])
    {
        return from[below(static_cast<unsigned>(Size))];
    }

    void add_field(std::string& header, std::string_view name)
    {
        // A tab there is as good (RFC 5322 section 4.5), but libopendkim refuses it.
        header.append(name).append(spaced_names_ && below(10) == 0 ? "  :" : ":");
        for (unsigned i = below(below(8) == 0 ? 120 : 10); i > 0; --i)
        {
            header.append(pick(value_pieces));
        }
        header.append("\r\n");
    }

    [[nodiscard]] std::string make_body()
    {
        std::string body;
        const unsigned shape = below(10);
        if (shape == 0)
        {
            return body;
        }
        for (unsigned i = below(shape == 1 ? 2'000 : 60); i > 0; --i)
        {
            body.append(pick(body_pieces));
        }
        for (unsigned i = shape == 2 ? below(6) : 0; i > 0; --i)
        {
            body.append(below(2) == 0 ? "\r\n" : " \r\n");
        }
        if (shape > 3 && !body.ends_with("\r\n"))
        {
            body.append("\r\n");
        }
        return body;
    }

    std::mt19937 random_;
    bool spaced_names_;
};

} // namespace hikyaku::dkim::testing
