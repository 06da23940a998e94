#include <gtest/gtest.h>

#include "page.h"

namespace hikyaku::web
{
namespace
{

http::request make_request(const std::string& accept, const std::string& lang = {})
{
    http::request r;
    if (!accept.empty())
    {
        r.headers.add("Accept-Language", accept);
    }
    if (!lang.empty())
    {
        r.query.add("lang", lang);
    }
    return r;
}

TEST(Language, IsTheBestOfTheTwo)
{
    struct row
    {
        const char* accept;
        const char* lang;
        language expected;
    };
    const row rows[] = {
        {"", "", language::ja},
        {"  ", "", language::ja},
        {"ja", "", language::ja},
        {"JA-jp", "", language::ja},
        {"en-US,en;q=0.9", "", language::en},
        {"en;q=0.8, ja;q=0.9", "", language::ja},
        {"en;q=0.901,ja;q=0.9", "", language::en},
        {"ja;q=0,en;q=0", "", language::en},
        {"fr", "", language::en},
        {"*", "", language::ja},
        {"en,*", "", language::ja},
        {"jav", "", language::en},
        {"ja;q=2,en;q=0.1", "", language::en},
        {"ja;q=x,en;q=0.1", "", language::en},
        {"ja", "en", language::en},
        {"en", "ja", language::ja},
        {"en", "fr", language::en},
        {",,;;,q=,;q=", "", language::en},
    };
    for (const auto& r : rows)
    {
        EXPECT_EQ(choose_language(make_request(r.accept, r.lang)), r.expected)
            << r.accept << " " << r.lang;
    }
    std::string many;
    for (int i = 0; i < 10'000; ++i)
    {
        many += "fr,";
    }
    EXPECT_EQ(choose_language(make_request(many + "ja")), language::en);
}

TEST(Page, NamesTheSenderAsTextAndNobodyElse)
{
    const auto page =
        make_page(200, page_kind::ask, language::en, "<b>\"A&B\"</b><script>x</script>%'");
    EXPECT_NE(page.body.find("&lt;b&gt;&quot;A&amp;B&quot;&lt;/b&gt;&lt;script&gt;"),
              std::string::npos);
    EXPECT_EQ(page.body.find("<script"), std::string::npos);
    EXPECT_NE(page.body.find("<button type=\"submit\">Unsubscribe</button>"), std::string::npos);
    const auto nobody = make_page(200, page_kind::ask, language::ja, "");
    EXPECT_EQ(nobody.body.substr(nobody.body.find("<main>")).find('%'), std::string::npos);
    EXPECT_EQ(nobody.body.find("「」"), std::string::npos);
}

TEST(Page, EveryKindIsClosedToOthers)
{
    for (const auto kind : {page_kind::ask, page_kind::done, page_kind::unknown, page_kind::preview,
                            page_kind::bad_form, page_kind::too_many, page_kind::trouble})
    {
        for (const auto in : {language::ja, language::en})
        {
            const auto page = make_page(404, kind, in, "Shop");
            EXPECT_EQ(page.status, 404U);
            EXPECT_EQ(page.find_header("Cache-Control"), "no-store");
            EXPECT_EQ(page.find_header("Referrer-Policy"), "no-referrer");
            EXPECT_EQ(page.find_header("Vary"), "Accept-Language");
            const auto policy = page.find_header("Content-Security-Policy").value();
            EXPECT_EQ(policy.find("unsafe"), std::string_view::npos);
            EXPECT_TRUE(policy.starts_with("default-src 'none'"));
            const bool asks = kind == page_kind::ask || kind == page_kind::bad_form;
            EXPECT_EQ(page.body.find("<form method=\"post\">") != std::string::npos, asks);
            EXPECT_NE(
                page.body.find(in == language::ja ? "<html lang=\"ja\">" : "<html lang=\"en\">"),
                std::string::npos);
            EXPECT_EQ(page.body.find("http"), std::string::npos) << "nothing is loaded";
        }
    }
}

} // namespace
} // namespace hikyaku::web
