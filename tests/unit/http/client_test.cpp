#include "client_url.h"
#include "support.h"

#include <cstdio>
#include <fstream>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

namespace hikyaku::http
{
namespace
{

struct url_row
{
    const char* name;
    const char* url;
    /// Authority or socket path; empty: refused.
    const char* outcome;
};

class ClientUrl : public testing::TestWithParam<url_row>
{
};

TEST_P(ClientUrl, IsTakenApart)
{
    const auto parsed = parse_client_url(GetParam().url);
    std::string outcome;
    if (parsed.has_value())
    {
        outcome = parsed->unix_socket.empty() ? (parsed->secure ? "tls " : "") + parsed->authority()
                                              : parsed->unix_socket.string();
    }
    EXPECT_EQ(outcome, GetParam().outcome);
}

INSTANTIATE_TEST_SUITE_P(
    Rows, ClientUrl,
    testing::Values(url_row{"Plain", "http://127.0.0.1:8025", "127.0.0.1:8025"},
                    url_row{"Slash", "http://localhost:1/", "localhost:1"},
                    url_row{"DefaultPort", "http://localhost", "localhost:80"},
                    url_row{"Tls", "https://mail.example", "tls mail.example:443"},
                    url_row{"V6", "http://[::1]:8025", "[::1]:8025"},
                    url_row{"Unix", "unix:/run/s", "/run/s"},
                    url_row{"UnixRelative", "unix:run/s", ""}, url_row{"Ftp", "ftp://a", ""},
                    url_row{"Path", "http://a:1/v1", ""}, url_row{"NoHost", "http://:1", ""},
                    url_row{"BadPort", "http://a:x", ""}, url_row{"NoPort", "http://a:", ""},
                    url_row{"OpenV6", "http://[::1:80", ""}, url_row{"User", "http://u@a:1", ""}),
    [](const auto& info) { return info.param.name; });

class Client : public ServerTest
{
protected:
    Client()
    {
        add("GET", "/hello", [](request& r)
            { return response::text(200, "text/plain", r.secure ? "secure" : "plain"); });
        add("POST", "/echo", [](request& r) { return response::text(200, "text/plain", r.body); });
    }
    /// A self-signed certificate for 127.0.0.1.
    void make_certificate()
    {
        EVP_PKEY* const key = EVP_EC_gen("P-256");
        X509* const cert = X509_new();
        X509_set_version(cert, X509_VERSION_3);
        ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
        X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
        X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
        X509_set_pubkey(cert, key);
        X509_NAME* const name = X509_get_subject_name(cert);
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                                   reinterpret_cast<const unsigned char*>("test"), -1, -1, 0);
        X509_set_issuer_name(cert, name);
        X509_EXTENSION* const san =
            X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "IP:127.0.0.1");
        X509_add_ext(cert, san, -1);
        X509_sign(cert, key, EVP_sha256());
        where.certificate_file = directory.path() / "cert.pem";
        where.key_file = directory.path() / "key.pem";
        std::FILE* file = std::fopen(where.certificate_file.c_str(), "w");
        PEM_write_X509(file, cert);
        std::fclose(file);
        file = std::fopen(where.key_file.c_str(), "w");
        PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr);
        std::fclose(file);
        X509_EXTENSION_free(san);
        X509_free(cert);
        EVP_PKEY_free(key);
    }
    [[nodiscard]] client make_tls_client(std::string_view host, client_options with) const
    {
        auto made = client::make("https://" + std::string(host) + ":" + std::to_string(port),
                                 std::move(with));
        EXPECT_TRUE(made.has_value());
        return std::move(*made);
    }
};

TEST_F(Client, SpeaksTlsWithATrustedServerOnly)
{
    make_certificate();
    start();
    auto trusting = make_tls_client("127.0.0.1", {.ca_file = where.certificate_file});
    for (int i = 0; i < 2; ++i)
    {
        const auto got = trusting.get("/hello");
        ASSERT_TRUE(got.has_value()) << got.error().text;
        EXPECT_EQ(got->body, "secure");
    }
    const auto big =
        trusting.send({.method = "POST", .target = "/echo", .body = std::string(3'000'000, 'x')});
    ASSERT_TRUE(big.has_value()) << big.error().text;
    EXPECT_EQ(big->body.size(), 3'000'000u);
    EXPECT_TRUE(make_tls_client("127.0.0.1", {}).get("/hello").has_error());
    EXPECT_TRUE(make_tls_client("localhost", {.ca_file = where.certificate_file})
                    .get("/hello")
                    .has_error());
    EXPECT_TRUE(running->reload_certificates().has_value());
    std::ofstream(where.key_file) << "broken";
    EXPECT_TRUE(running->reload_certificates().has_error());
    auto again = make_tls_client("127.0.0.1", {.ca_file = where.certificate_file});
    EXPECT_TRUE(again.get("/hello").has_value());
}

TEST_F(Client, TlsServerRefusesAStartWithoutAKey)
{
    make_certificate();
    std::filesystem::remove(where.key_file);
    server s({});
    s.add_listener(where, serves);
    EXPECT_TRUE(s.start().has_error());
}

TEST_F(Client, PlainBytesOnATlsPortHarmNobody)
{
    make_certificate();
    where.limits.header_timeout = milliseconds(150);
    start();
    raw_connection plain(port);
    ASSERT_TRUE(plain.send("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"));
    EXPECT_EQ(plain.read_all().find("plain"), std::string::npos);
    raw_connection silent(port);
    EXPECT_EQ(silent.read_all(), "");
}

TEST_F(Client, ConnectsAgainWhenTheKeptConnectionIsDead)
{
    where.limits.requests_per_connection_max = 1;
    start();
    auto c = make_client();
    for (int i = 0; i < 3; ++i)
    {
        EXPECT_EQ(c.post("/echo", i)->body, std::to_string(i));
    }
    where.limits.idle_timeout = milliseconds(1);
    where.limits.requests_per_connection_max = 100;
    stop();
    start();
    auto kept = make_client();
    ASSERT_TRUE(kept.get("/hello").has_value());
    ASSERT_TRUE(eventually([&] { return running->connections() == 0; }));
    EXPECT_EQ(kept.post("/echo", 7)->body, "7");
}

TEST_F(Client, SaysWhatIsWrong)
{
    start();
    auto c = make_client();
    EXPECT_TRUE(c.get("no-slash").has_error());
    EXPECT_TRUE(c.get("/a b").has_error());
    EXPECT_TRUE(c.get("/a\r\nX: y").has_error());
    EXPECT_TRUE(c.send({.headers = {{"X", "a\r\nY: b"}}}).has_error());
    EXPECT_TRUE(c.send({.method = "POST", .body_file = "/nonexistent"}).has_error());
    stop();
    const auto refused = make_client().get("/hello");
    ASSERT_TRUE(refused.has_error());
    EXPECT_NE(refused.error().text.find("cannot connect"), std::string::npos);
}

TEST_F(Client, ReadsTheRefusalOfALargeBody)
{
    start();
    auto c = make_client();
    const auto got =
        c.send({.method = "POST", .target = "/echo", .body = std::string(50u << 20, 'x')});
    ASSERT_TRUE(got.has_value()) << got.error().text;
    EXPECT_EQ(got->status, 413u);
}

TEST_F(Client, BoundsTheAnswer)
{
    add("GET", "/big",
        [](request&) { return response::text(200, "text/plain", std::string(2000, 'x')); });
    start();
    auto c = make_client({.body_bytes_max = 1999});
    EXPECT_TRUE(c.get("/big").has_error());
    EXPECT_TRUE(c.get("/hello").has_value());
}

} // namespace
} // namespace hikyaku::http
