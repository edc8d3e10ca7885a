/* Plugins that get in each other's way, and configuration for those that are not there. */
#include "tests/refusals/refusal.h"

START_TEST(two_plugins_of_one_name_are_refused)
{
    scratch_copy_as(&dir, "examples/hello.so", "a.so");
    scratch_copy_as(&dir, "examples/hello.so", "b.so");
    refused("DIR/b.so: duplicate name: DIR/a.so is called \"hello\" too; take one of them away");
}
END_TEST

START_TEST(two_plugins_at_one_mount_are_refused)
{
    given_good("a");
    given_good("b");
    REFUSED_WITH("DIR/b.so: duplicate mount: DIR/a.so is mounted at \"/a\" too; give one of them another: "
                 "plugin b { mount = … }",
                 "--set", "plugin.b.mount=/a");
}
END_TEST

START_TEST(two_plugins_at_the_root_are_refused)
{
    given_good("a");
    given_good("b");
    REFUSED_WITH("DIR/b.so: duplicate mount: DIR/a.so is mounted at \"/\" too; give one of them another: "
                 "plugin b { mount = … }",
                 "--set", "plugin.a.mount=/", "--set", "plugin.b.mount=/");
}
END_TEST

START_TEST(one_plugin_below_another_is_fine)
{
    given_good("a");
    given_good("b");
    SAYS(0, "2 plugins in DIR: good\n", "", "check", "--plugins", "DIR", "--set", "plugin.b.mount=/a/b");
}
END_TEST

START_TEST(a_block_for_a_plugin_that_is_not_there_is_refused)
{
    given_good("a");
    scratch_write(&dir, "gateway.conf", "plugin thumb {\n    mount = \"/t\"\n}\n");
    REFUSED_WITH("DIR/gateway.conf:1: plugin thumb: there is no plugin of that name in DIR", "-c", "DIR/gateway.conf");
}
END_TEST

START_TEST(a_block_for_a_refused_plugin_is_no_second_mistake)
{
    given("a.so", "int no_plugin;");
    scratch_write(&dir, "gateway.conf", "plugin a {\n    mount = \"/t\"\n}\n");
    REFUSED_WITH("DIR/a.so: no entry symbol ngi_plugin_v1: write NGI_PLUGIN(…) in the source, or export that function",
                 "-c", "DIR/gateway.conf");
}
END_TEST

START_TEST(a_block_for_a_route_that_is_not_there_is_refused)
{
    given_good("a");
    scratch_write(&dir, "gateway.conf", "plugin a {\n    route \"/slow\" {\n        max_body = 1M\n    }\n}\n");
    REFUSED_WITH("DIR/gateway.conf:2: plugin a has no route \"/slow\": postern inspect lists those it has", "-c",
                 "DIR/gateway.conf");
}
END_TEST

Suite *claims_suite(void)
{
    Suite *suite = suite_create("claims");
    TCase *tests = refusal_case(suite);
    tcase_add_test(tests, two_plugins_of_one_name_are_refused);
    tcase_add_test(tests, two_plugins_at_one_mount_are_refused);
    tcase_add_test(tests, two_plugins_at_the_root_are_refused);
    tcase_add_test(tests, one_plugin_below_another_is_fine);
    tcase_add_test(tests, a_block_for_a_plugin_that_is_not_there_is_refused);
    tcase_add_test(tests, a_block_for_a_refused_plugin_is_no_second_mistake);
    tcase_add_test(tests, a_block_for_a_route_that_is_not_there_is_refused);
    return suite;
}
