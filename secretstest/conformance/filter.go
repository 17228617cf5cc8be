package conformance

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
)

// filtered is a secret to be found: what follows the behaviour's own name in
// its name, and what else there is to search.
type filtered struct{ suffix, description, tagKey, tagValue string }

// make creates secrets to be found.
func (c *check) make(list []filtered) {
	c.listable()
	for _, f := range list {
		in := secretsmanager.CreateSecretInput{Name: aws.String(c.secret(f.suffix)), SecretString: aws.String(token()), Description: optional(f.description)}
		if f.tagKey != "" {
			in.Tags = []types.Tag{{Key: &f.tagKey, Value: &f.tagValue}}
		}
		c.createWith(in)
		c.pause()
	}
}

// makeUnique creates secrets whose names end in a word that no others have, and
// returns a search among them: a behaviour's own name would add special
// characters to theirs.
func (c *check) makeUnique(names []string) (search func(values ...string) []string) {
	c.listable()
	word := "x" + strings.NewReplacer("2", "a", "3", "b", "4", "c", "5", "d", "6", "e", "7", "f").Replace(strings.ToLower(token()))
	for _, name := range names {
		c.names = append(c.names, name+word)
		c.createNamed(name+word, token())
		c.pause()
	}
	return func(values ...string) []string {
		out, err := c.ListSecrets(c.ctx, &secretsmanager.ListSecretsInput{Filters: append(by("all", values...), by("all", word)...)})
		c.must(err)
		found := entryNames(out.SecretList)
		for i := range found {
			found[i] = strings.TrimSuffix(found[i], word)
		}
		return found
	}
}

// finds checks which secrets pass filters, by the end of their names.
func (c *check) finds(filters []types.Filter, want ...string) {
	got := entryNames(c.list(secretsmanager.ListSecretsInput{Filters: filters}))
	for i, name := range got {
		got[i] = strings.TrimPrefix(name, c.name+"/")
	}
	c.same(show(filters), got, append([]string{}, want...))
}

// by is one filter.
func by(key types.FilterNameStringType, values ...string) []types.Filter {
	return []types.Filter{{Key: key, Values: values}}
}

// search is a table row: secrets, a filter, and which of them it finds.
func search(name string, source source, list []filtered, cases map[string][]string, key types.FilterNameStringType) behaviour {
	return behaviour{name, source, func(c *check) {
		c.make(list)
		for value, want := range cases {
			c.finds(by(key, strings.Split(value, "|")...), want...)
		}
	}}
}

// The secrets of moto's tests. The names begin with the behaviour's own, which
// is one word to the search.
var (
	inAll = []filtered{
		{suffix: "SecretOne"},
		{suffix: "SecretTwo", description: "DescTwo"},
		{suffix: "Thirdsecret"},
		{suffix: "SecretFTag", tagKey: "1", tagValue: "foo"},
		{suffix: "SecretFValue", tagKey: "foo", tagValue: "v"},
		{suffix: "none"},
	}
	inDescription = []filtered{
		{suffix: "foo", description: "one two"},
		{suffix: "bar", description: "one and two"},
		{suffix: "baz", description: "one"},
		{suffix: "qux", description: "two"},
		{suffix: "none", description: "unrelated"},
	}
	inTags = []filtered{
		{suffix: "foo", tagKey: "right", tagValue: "right"},
		{suffix: "bar", tagKey: "right", tagValue: "wrong"},
		{suffix: "baz", tagKey: "wrong", tagValue: "right"},
		{suffix: "qux", tagKey: "wrong", tagValue: "wrong"},
		{suffix: "bare"},
	}
)

const localStackFilters = "LocalStack test_list_secrets_filtering"

var filtering = []behaviour{
	search("filter all finds words in every attribute", verified("moto test_list_secrets.py::test_with_all_filter"), inAll, map[string][]string{
		"SecretOne":  {"SecretOne"},
		"foo":        {"SecretFTag", "SecretFValue"},
		"Secret":     {"SecretOne", "SecretTwo", "SecretFTag", "SecretFValue"},
		"secret":     {"SecretOne", "SecretTwo", "SecretFTag", "SecretFValue"},
		"sec":        {"SecretOne", "SecretTwo", "SecretFTag", "SecretFValue"},
		"ret":        nil,
		"SomeSecret": nil,
		"d":          {"SecretTwo"},
		"d t":        {"SecretTwo"},
		"t":          {"SecretTwo", "Thirdsecret", "SecretFTag"},
	}, "all"),
	{"filter all takes words apart at special characters", verified("moto test_list_secrets.py::test_with_all_filter_special_characters"), func(c *check) {
		beta := []string{"prod/AppBeta/", "prod_AppBeta_", "prod+AppBeta+", "prod=AppBeta=", "prod.AppBeta.", "prod@AppBeta@", "prod-AppBeta-"}
		mine := c.makeUnique(append([]string{"uat/COMPANY/", "uat/COMPANYthings/"}, beta...))
		for value, want := range map[string][]string{
			"AppBeta": beta, "Beta": beta, "AppBeta|prod": beta, "+": nil, "company": {"uat/COMPANY/"},
			"things": nil, "Ythings": {"uat/COMPANYthings/"}, "pany": nil,
		} {
			c.same(value, mine(strings.Split(value, "|")...), append([]string{}, want...))
		}
	}},
	{"filter all takes words apart at several special characters", ours, func(c *check) {
		mine := c.makeUnique([]string{"prod-AppBeta/"})
		c.same("found", mine("Beta"), []string{"prod-AppBeta/"})
	}},
	search("filter all takes numbers apart from letters", documented("userguide/manage_search-secret.html"), []filtered{
		{suffix: "a", description: "creds Database 892"}, {suffix: "b", description: "creds Data"},
	}, map[string][]string{"credsDatabase892": {"a"}, "credsData": {"a", "b"}}, "all"),
	search("filter description finds words", verified("moto test_list_secrets.py::test_with_filter_with_value_with_multiple_words"), inDescription, map[string][]string{
		"one two": {"foo", "bar"}, "o t": {"foo", "bar"}, "t": {"foo", "bar", "qux"}, "ONE": {"foo", "bar", "baz"},
	}, "description"),
	{"filters with one key are all to pass", verified("moto test_list_secrets.py::test_with_duplicate_filter_keys"), func(c *check) {
		c.make(inDescription)
		c.finds(append(by("description", "one"), by("description", "two")...), "foo", "bar")
	}},
	search("filter description finds the beginnings of words", verified(localStackFilters), []filtered{
		{suffix: "1", description: "a secret"}, {suffix: "2", description: "an secret"}, {suffix: "3", description: "asecret"}, {suffix: "4", description: "thesecret"},
	}, map[string][]string{"a": {"1", "2", "3"}, "!a": {"4"}, "a secret": {"1", "2"}, "!c": {"1", "2", "3", "4"}}, "description"),
	{"a value of a filter may be empty", model, func(c *check) {
		_, err := c.ListSecrets(c.ctx, &secretsmanager.ListSecretsInput{Filters: by("name", "")})
		c.must(err)
	}},
	{"filter name finds the beginnings of names", verified(localStackFilters), func(c *check) {
		c.make([]filtered{{suffix: "one"}, {suffix: "/two"}})
		c.finds(by("name", c.name+"//"), "/two")
		c.finds(by("name", "!"+c.name+"//"), "one")
		c.finds(by("name", c.name+" one"))
		c.finds(by("name", strings.ToUpper(c.name)))
		c.finds(append(by("description", "a"), by("name", "an")...))
	}},
	{"filter values are any to fit", documented("userguide/manage_search-secret.html"), func(c *check) {
		c.make([]filtered{{suffix: "foo"}, {suffix: "bar"}, {suffix: "baz"}})
		c.finds(by("name", c.name+"/foo", c.name+"/bar"), "foo", "bar")
	}},
	search("filter tag-key finds the beginnings of keys, in their letter case", documented("apireference/API_Filter.html"), inTags,
		map[string][]string{"right": {"foo", "bar"}, "ri": {"foo", "bar"}, "Right": nil, "ight": nil}, "tag-key"),
	search("filter tag-value finds the beginnings of values, in their letter case", documented("apireference/API_Filter.html"), inTags,
		map[string][]string{"right": {"foo", "baz"}, "ri": {"foo", "baz"}, "Right": nil}, "tag-value"),
	{"filters are all to pass", documented("userguide/manage_search-secret.html"), func(c *check) {
		c.make(inTags)
		c.finds(append(by("tag-key", "right"), by("tag-value", "right")...), "foo")
	}},
	search("a negated filter passes what has no such attribute", ours, inTags, map[string][]string{"!right": {"baz", "qux", "bare"}}, "tag-key"),
	search("filter owning-service finds no secret of our own", documented("apireference/API_Filter.html"), inTags, map[string][]string{"rds": nil}, "owning-service"),
	search("filter primary-region finds no secret that is not replicated", documented("apireference/API_Filter.html"), inTags, map[string][]string{"us-east-1": nil}, "primary-region"),
	{"a filter without a key is refused", reported("moto#3173"), func(c *check) {
		c.refused(c.listErr(secretsmanager.ListSecretsInput{Filters: by("", "foo")}), "InvalidParameterException", "Invalid filter key")
	}},
	{"a filter without values is refused", reported("moto#3173"), func(c *check) {
		c.refused(c.listErr(secretsmanager.ListSecretsInput{Filters: by("description")}), "InvalidParameterException", "Invalid filter values for key: description")
	}},
	{"a filter with a key that does not exist is refused", model, func(c *check) {
		c.code(c.listErr(secretsmanager.ListSecretsInput{Filters: by("invalid", "foo")}), "ValidationException")
	}},
	{"eleven filters are refused", model, func(c *check) {
		var filters []types.Filter
		for range 11 {
			filters = append(filters, by("name", "n")...)
		}
		c.code(c.listErr(secretsmanager.ListSecretsInput{Filters: filters}), "ValidationException")
	}},
	{"eleven values of a filter are refused", model, func(c *check) {
		c.code(c.listErr(secretsmanager.ListSecretsInput{Filters: by("name", labels(11)...)}), "ValidationException")
	}},
	{"a value of a filter with other characters is refused", model, func(c *check) {
		c.code(c.listErr(secretsmanager.ListSecretsInput{Filters: by("name", "a#b")}), "ValidationException")
	}},
}
