#include "fields.h"
#include "message_source.h"
#include "test_keys.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include <sys/types.h>
#include <sys/wait.h>

#define _Bool bool
#include <dkim.h>
#undef _Bool

namespace hikyaku::dkim
{
namespace
{

using testing::as_received;
using testing::keys;
using testing::look_up;
using testing::made_message;
using testing::message_source;
using ::testing::PrintToString;
using testing::sign_both;
using testing::test_now;

constexpr unsigned seed = 6376;
constexpr int signed_messages = 2'000;
constexpr int altered_messages = 400;
constexpr int foreign_messages = 400;
constexpr int python_messages = 60;

void expect_all(const std::string& message, verdict expected)
{
    const auto results = verify(message, test_now(), look_up);
    ASSERT_EQ(results.size(), 2U) << PrintToString(message);
    for (const auto& r : results)
    {
        EXPECT_EQ(r.result, expected) << r.reason << "\n" << PrintToString(message);
        EXPECT_EQ(r.opendkim, expected) << r.algorithm << "\n" << PrintToString(message);
    }
}

TEST(Differential, WhatWeSignVerifiesEverywhere)
{
    message_source source(seed);
    signer s;
    for (int i = 0; i < signed_messages && !HasFailure(); ++i)
    {
        const made_message m = source.next();
        const std::string text = sign_both(s, m.header, m.body);
        expect_all(text, verdict::pass);
        if (as_received(m.body) != m.body)
        {
            expect_all(text + "\r\n", verdict::pass);
        }
    }
}

/// Changes that no canonicalisation forgives.
std::string alter(message_source& source, const made_message& m, const std::string& text)
{
    const auto body = text.size() - m.body.size();
    std::string out = text;
    switch (source.below(4))
    {
    case 0: // a line in front of the end of the body
        return out.insert(body, "x\r\n");
    case 1: // words glued or a byte changed inside the body
    {
        const auto at = out.find_first_not_of(" \t\r\n", body + m.body.size() / 2);
        if (at == std::string::npos)
        {
            return out + "x\r\n";
        }
        out[at] = out[at] == 'Z' ? 'Y' : 'Z';
        return out;
    }
    case 2: // another From above all
        return "From: x\r\n" + out;
    default: // a word at the end of the lowest From's value
    {
        const auto header = out.size() - m.body.size() - 2 - m.header.size();
        std::vector<field> fields;
        split_fields(std::string_view(out).substr(header, m.header.size()), fields);
        const auto from = std::find_if(fields.rbegin(), fields.rend(),
                                       [](const field& f) { return same_name(f.name, "from"); });
        const auto end =
            static_cast<std::size_t>(from->text.data() - out.data()) + from->text.find(':') + 1;
        return out.insert(end, "changed");
    }
    }
}

TEST(Differential, AlteredMessagesFailEverywhere)
{
    message_source source(seed + 1);
    signer s;
    for (int i = 0; i < altered_messages && !HasFailure(); ++i)
    {
        made_message m = source.next();
        m.body = as_received(m.body);
        expect_all(alter(source, m, sign_both(s, m.header, m.body)), verdict::fail);
    }
}

struct close_handle
{
    void operator()(DKIM_LIB* lib) const noexcept { dkim_close(lib); }
    void operator()(DKIM* message) const noexcept { dkim_free(message); }
};

u_char* mutable_bytes(std::string_view text)
{
    return reinterpret_cast<u_char*>(const_cast<char*>(text.data()));
}

/// libopendkim signs: the canonicalisations and l= that our signer never uses.
std::string sign_with_opendkim(DKIM_LIB* lib, const std::string& pem, const made_message& m,
                               dkim_canon_t header, dkim_canon_t body, ssize_t length)
{
    DKIM_STAT status = DKIM_STAT_OK;
    const std::unique_ptr<DKIM, close_handle> d(dkim_sign(
        lib, mutable_bytes("test"), nullptr, mutable_bytes(pem), mutable_bytes("rsa"),
        mutable_bytes("example.com"), header, body, DKIM_SIGN_RSASHA256, length, &status));
    EXPECT_EQ(status, DKIM_STAT_OK);
    std::vector<field> fields;
    split_fields(m.header, fields);
    for (const field& f : fields)
    {
        EXPECT_EQ(dkim_header(d.get(), mutable_bytes(f.text), f.text.size()), DKIM_STAT_OK);
    }
    EXPECT_EQ(dkim_eoh(d.get()), DKIM_STAT_OK);
    if (!m.body.empty())
    {
        EXPECT_EQ(dkim_body(d.get(), mutable_bytes(m.body), m.body.size()), DKIM_STAT_OK);
    }
    EXPECT_EQ(dkim_eom(d.get(), nullptr), DKIM_STAT_OK);
    std::string value(8'192, '\0');
    EXPECT_EQ(dkim_getsighdr(d.get(), reinterpret_cast<u_char*>(value.data()), value.size(), 16),
              DKIM_STAT_OK);
    value.resize(value.find('\0'));
    // libopendkim folds with LF alone; the mail server makes it CRLF.
    std::string folded;
    for (const char c : value)
    {
        if (c == '\n' && !folded.ends_with('\r'))
        {
            folded += '\r';
        }
        folded += c;
    }
    return "DKIM-Signature: " + folded + "\r\n" + m.header + "\r\n" + m.body;
}

TEST(Differential, WhatOpendkimSignsVerifiesHere)
{
    const std::unique_ptr<DKIM_LIB, close_handle> lib(dkim_init(nullptr, nullptr));
    std::uint64_t fixed_time = testing::test_seconds;
    dkim_options(lib.get(), DKIM_OP_SETOPT, DKIM_OPTS_FIXEDTIME, &fixed_time, sizeof fixed_time);
    unsigned int flags = DKIM_LIBFLAGS_NONE;
    dkim_options(lib.get(), DKIM_OP_SETOPT, DKIM_OPTS_FLAGS, &flags, sizeof flags);
    const std::string pem = keys().rsa.key->to_pem();
    message_source source(seed + 2);
    for (int i = 0; i < foreign_messages && !HasFailure(); ++i)
    {
        made_message m = source.next();
        m.body = as_received(m.body);
        const dkim_canon_t header = i % 2 == 0 ? DKIM_CANON_SIMPLE : DKIM_CANON_RELAXED;
        const dkim_canon_t body = i / 2 % 2 == 0 ? DKIM_CANON_SIMPLE : DKIM_CANON_RELAXED;
        // l= within the canonical body, which may be shorter than the body.
        const ssize_t length =
            i % 5 == 0 && m.body.find_first_not_of(" \t\r\n") == 0 ? ssize_t{1} : ssize_t{-1};
        const std::string text = sign_with_opendkim(lib.get(), pem, m, header, body, length);
        const auto results = verify(text, test_now(), look_up);
        ASSERT_EQ(results.size(), 1U);
        EXPECT_EQ(results[0].result, verdict::pass) << i << results[0].reason << "\n"
                                                    << PrintToString(text);
        EXPECT_EQ(results[0].opendkim, verdict::pass) << PrintToString(text);
        if (length == 1 && header == DKIM_CANON_SIMPLE)
        {
            EXPECT_EQ(verify(text + "more\r\n", test_now(), look_up)[0].result, verdict::pass);
        }
        auto changed = text;
        changed.insert(changed.size() - m.body.size() - 2, "From: inserted\r\n");
        EXPECT_EQ(verify(changed, test_now(), look_up)[0].result, verdict::fail);
    }
}

/// The third opinion: dkimpy, in one process for all files. It prints a line per file.
constexpr const char* python_script = R"(
import sys
try:
    import dkim, nacl
except ImportError:
    sys.exit(77)
folder, count = sys.argv[1], int(sys.argv[2])
rsa, ed = (open(folder + '/' + n, 'rb').read() for n in ('rsa', 'ed'))
def dns(name, timeout=5):
    return rsa if name.startswith(b'rsa.') else ed
for i in range(count):
    raw = open('%s/%d.eml' % (folder, i), 'rb').read()
    d = dkim.DKIM(raw)
    answers = []
    for idx in (0, 1):
        try:
            answers.append(d.verify(idx, dns))
        except dkim.DKIMException:
            answers.append(False)
    print(i, *('pass' if a else 'fail' for a in answers))
)";

TEST(Differential, PythonAgrees)
{
    std::string pattern = (std::filesystem::temp_directory_path() / "hk-dkim-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    const std::filesystem::path folder = pattern;
    const auto write = [&folder](const std::string& name, std::string_view text)
    { std::ofstream(folder / name, std::ios::binary) << text; };
    write("rsa", keys().rsa.key->dns_record());
    write("ed", keys().ed25519.key->dns_record());
    write("check.py", python_script);

    message_source source(seed + 3, false);
    signer s;
    std::string expected;
    for (int i = 0; i < python_messages;)
    {
        const made_message m = source.next();
        // dkimpy refuses a header that no mail server lets pass: it wants just one From, and takes
        // a body without an end for something else.
        std::vector<field> fields;
        split_fields(m.header, fields);
        if (std::count_if(fields.begin(), fields.end(),
                          [](const field& f) { return same_name(f.name, "from"); }) != 1 ||
            !(m.body.empty() || m.body.ends_with("\r\n")))
        {
            continue;
        }
        const bool altered = i % 4 == 3;
        const std::string text = sign_both(s, m.header, m.body);
        write(std::to_string(i) + ".eml", altered ? text + "x\r\n" : text);
        expected += std::to_string(i) + (altered ? " fail fail\n" : " pass pass\n");
        ++i;
    }
    const std::string command = "/usr/bin/python3 '" + (folder / "check.py").string() + "' '" +
                                folder.string() + "' " + std::to_string(python_messages) + " > '" +
                                (folder / "out").string() + "' 2> '" + (folder / "err").string() +
                                "'";
    const int status = std::system(command.c_str()); // NOLINT: fixed words, our own temporary names
    const auto read = [&folder](const char* name)
    {
        std::ifstream in(folder / name);
        return std::string(std::istreambuf_iterator<char>(in), {});
    };
    const std::string answers = read("out");
    const std::string complaints = read("err");
    std::filesystem::remove_all(folder);
    constexpr int absent = 77;
    constexpr int not_found = 127;
    if (WIFEXITED(status) && (WEXITSTATUS(status) == absent || WEXITSTATUS(status) == not_found))
    {
        GTEST_SKIP() << "python3-dkim with python3-nacl is not installed";
    }
    EXPECT_EQ(status, 0) << complaints;
    EXPECT_EQ(answers, expected);
}

} // namespace
} // namespace hikyaku::dkim
