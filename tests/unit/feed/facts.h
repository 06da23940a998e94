#pragma once

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <unistd.h>

#include <hikyaku/queue/fact.h>

namespace hikyaku::feed::test
{

inline const wall_time noon = from_unix_ms(1'795'489'200'123); // 2026-11-24T03:00:00.123Z

inline queue::fact delivered(std::uint32_t who)
{
    queue::fact f;
    f.at = noon;
    f.campaign = campaign_id{42};
    f.who = ordinal{who};
    f.recipient = "u" + std::to_string(who) + "@shop.example";
    f.domain = "shop.example";
    f.site = "mx.shop.example";
    f.mx = "mx.shop.example";
    f.source = "192.0.2.1";
    f.attempt = 1;
    f.code = 250;
    f.enhanced = "2.0.0";
    f.reply = "2.0.0 Ok: queued as 4XyZ";
    f.stage = "final_dot";
    f.cls = "accepted";
    f.tls_version = "TLSv1.3";
    f.tls_cipher = "TLS_AES_256_GCM_SHA384";
    f.tls_verified = true;
    f.bytes = 51'234;
    f.queued_ms = 12;
    f.connect_ms = 3;
    f.session_ms = 45;
    f.dkim = {"news.example s1 rsa-sha256", "news.example s2 ed25519-sha256"};
    f.id_domain = "news.example";
    return f;
}

/// A directory that is gone with the test.
class temporary_directory
{
public:
    temporary_directory()
    {
        std::string name = (std::filesystem::temp_directory_path() / "hk-feed-XXXXXX").string();
        path_ = ::mkdtemp(name.data());
    }
    ~temporary_directory() { std::filesystem::remove_all(path_); }
    temporary_directory(const temporary_directory&) = delete;
    temporary_directory& operator=(const temporary_directory&) = delete;
    [[nodiscard]] std::string operator/(const std::string& name) const
    {
        return path_ + "/" + name;
    }

private:
    std::string path_;
};

inline std::vector<std::string> lines_of(const std::string& path)
{
    std::ifstream in(path);
    std::vector<std::string> lines;
    for (std::string line; std::getline(in, line);)
    {
        lines.push_back(line);
    }
    return lines;
}

} // namespace hikyaku::feed::test
