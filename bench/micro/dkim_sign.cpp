// CPU microseconds per 10 KB message: what signing costs beside the bare private key operation.
// Run: dkim_sign [rounds]
#include <hikyaku/dkim/signer.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <string>
#include <vector>

#include <openssl/evp.h>
#include <openssl/rsa.h>

namespace
{

using namespace hikyaku;

constexpr std::size_t body_bytes = 10 * 1024;
constexpr int batches = 9;

/// CPU time of this thread: a busy machine does not change it much.
double cpu_us()
{
    timespec t = {};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) * 1e6 + static_cast<double>(t.tv_nsec) / 1e3;
}

/// The median batch, in microseconds per call.
template <class Work> double measure(int rounds, Work work)
{
    std::vector<double> times;
    for (int batch = 0; batch < batches; ++batch)
    {
        const double start = cpu_us();
        for (int i = 0; i < rounds; ++i)
        {
            work();
        }
        times.push_back((cpu_us() - start) / rounds);
    }
    std::nth_element(times.begin(), times.begin() + batches / 2, times.end());
    return times[batches / 2];
}

/// HTML with indentation and Japanese text, as campaigns are.
std::string make_body()
{
    std::string body;
    while (body.size() < body_bytes)
    {
        body +=
            "    <tr>\r\n      <td style=\"padding: 4px;\">\xE9\xA3\x9B\xE8\x84\x9A and some words "
            "of text</td> \r\n    </tr>\r\n\r\n";
    }
    return body;
}

/// OpenSSL's floor: one context, the digest given.
double bare_rsa(int rounds, const dkim::signing_key& key)
{
    const std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)> c(
        EVP_PKEY_CTX_new(key.native(), nullptr), &EVP_PKEY_CTX_free);
    EVP_PKEY_sign_init(c.get());
    EVP_PKEY_CTX_set_rsa_padding(c.get(), RSA_PKCS1_PADDING);
    EVP_PKEY_CTX_set_signature_md(c.get(), EVP_sha256());
    const unsigned char digest[32] = {1};
    unsigned char out[512];
    return measure(rounds,
                   [&]
                   {
                       std::size_t size = sizeof out;
                       if (EVP_PKEY_sign(c.get(), out, &size, digest, sizeof digest) != 1)
                       {
                           std::abort();
                       }
                   });
}

double sign(int rounds, dkim::signer& s, const std::vector<const dkim::identity*>& who,
            const std::string& message, std::size_t header_bytes)
{
    std::string out;
    return measure(rounds,
                   [&]
                   {
                       out.clear();
                       if (s.sign(who, message, header_bytes, from_unix_ms(1'700'000'000'000), out)
                               .has_error())
                       {
                           std::abort();
                       }
                   });
}

} // namespace

int main(int argc, char** argv)
{
    const int rounds = argc > 1 ? std::max(1, std::atoi(argv[1])) : 200;
    const auto make = [](dkim::algorithm a, const char* selector)
    {
        return dkim::identity{
            "example.com", selector,
            std::make_shared<const dkim::signing_key>(dkim::signing_key::generate(a).value())};
    };
    const dkim::identity rsa = make(dkim::algorithm::rsa_sha256, "r");
    const dkim::identity ed = make(dkim::algorithm::ed25519_sha256, "e");
    const std::string header = "From: =?UTF-8?B?6aOb6ISa?= <news@example.com>\r\n"
                               "To: someone@example.net\r\n"
                               "Subject: =?UTF-8?B?44GK55+l44KJ44Gb?=\r\n"
                               "Date: Mon, 23 Nov 2026 09:00:00 +0900\r\n"
                               "Message-ID: <cmp_0123456789abc.1@example.com>\r\n"
                               "Reply-To: news@example.com\r\n"
                               "MIME-Version: 1.0\r\n"
                               "Content-Type: text/html; charset=UTF-8\r\n"
                               "Content-Transfer-Encoding: 8bit\r\n"
                               "List-Unsubscribe: <https://example.com/u/0123456789>\r\n"
                               "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
                               "Feedback-ID: 1:2:3:example\r\n";
    const std::string body = make_body();
    const std::string message = header + "\r\n" + body;
    dkim::signer s;

    const double floor = bare_rsa(rounds, *rsa.key);
    const double with_rsa = sign(rounds, s, {&rsa}, message, header.size());
    const double with_ed = sign(rounds, s, {&ed}, message, header.size());
    const double with_both = sign(rounds, s, {&rsa, &ed}, message, header.size());
    const double hashed = measure(rounds * 10, [&] { (void)s.hash_body(body); });
    const double digest_only = measure(rounds * 10, [&] { (void)crypto::sha256(body); });
    std::printf("message: %zu bytes\n", message.size());
    std::printf("bare EVP_PKEY_sign, RSA-2048  %8.1f us\n", floor);
    std::printf("sign, RSA-2048                %8.1f us  (%.3f x bare)\n", with_rsa,
                with_rsa / floor);
    std::printf("sign, Ed25519                 %8.1f us\n", with_ed);
    std::printf("sign, both                    %8.1f us\n", with_both);
    std::printf("body hash, relaxed            %8.1f us\n", hashed);
    std::printf("SHA-256 of the raw body       %8.1f us\n", digest_only);
    return 0;
}
