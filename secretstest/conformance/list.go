package conformance

import (
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
)

// listable gives up on servers whose lists lag.
func (c *check) listable() {
	if c.target.Lagging {
		panic(uncheckable{})
	}
}

// list lists what begins with the behaviour's own name, all pages of it.
func (c *check) list(in secretsmanager.ListSecretsInput) []types.SecretListEntry {
	c.listable()
	in.Filters = append([]types.Filter{{Key: "name", Values: []string{c.name}}}, in.Filters...)
	var found []types.SecretListEntry
	for {
		out, err := c.ListSecrets(c.ctx, &in)
		c.must(err)
		found = append(found, out.SecretList...)
		if out.NextToken == nil {
			return found
		}
		in.NextToken = out.NextToken
	}
}

func entryNames(entries []types.SecretListEntry) []string {
	names := []string{}
	for _, e := range entries {
		names = append(names, *e.Name)
	}
	return names
}

// three makes three secrets, one after the other, and returns their names.
func (c *check) three() []string {
	names := []string{c.secret("b"), c.secret("c"), c.secret("a")}
	for _, name := range names {
		c.createNamed(name, token())
		c.pause()
	}
	return names
}

func (c *check) listErr(in secretsmanager.ListSecretsInput) error {
	_, err := c.ListSecrets(c.ctx, &in)
	return err
}

var listing = []behaviour{
	{"ListSecrets answers the same again and again, every member of it", recorded("test_call_lists_secrets_multiple_times_snapshots"), func(c *check) {
		made := c.createWith(secretsmanager.CreateSecretInput{SecretString: aws.String(token()), Description: aws.String("testing creation of secrets")})
		for range 3 {
			got := c.list(secretsmanager.ListSecretsInput{})
			if len(got) != 1 || got[0].CreatedDate == nil || got[0].LastChangedDate == nil {
				c.fatalf("got %s", show(got))
			}
			c.same("entry", got[0], types.SecretListEntry{
				ARN: made.ARN, Name: made.Name, Description: aws.String("testing creation of secrets"),
				CreatedDate: got[0].CreatedDate, LastChangedDate: got[0].LastChangedDate,
				SecretVersionsToStages: map[string][]string{*made.VersionId: {"AWSCURRENT"}},
			})
		}
	}},
	{"ListSecrets lists in order of creation", recorded("test_create_multi_secrets_snapshot"), func(c *check) {
		names := c.three()
		c.same("names", entryNames(c.list(secretsmanager.ListSecretsInput{})), names)
	}},
	{"ListSecrets lists backwards", documented("apireference/API_ListSecrets.html"), func(c *check) {
		names := c.three()
		slices.Reverse(names)
		c.same("names", entryNames(c.list(secretsmanager.ListSecretsInput{SortOrder: "desc"})), names)
	}},
	{"ListSecrets sorts by name", documented("apireference/API_ListSecrets.html"), func(c *check) {
		names := c.three()
		slices.Sort(names)
		c.same("names", entryNames(c.list(secretsmanager.ListSecretsInput{SortBy: "name"})), names)
		slices.Reverse(names)
		c.same("backwards", entryNames(c.list(secretsmanager.ListSecretsInput{SortBy: "name", SortOrder: "desc"})), names)
	}},
	{"ListSecrets sorts by the date of the last change", documented("apireference/API_ListSecrets.html"), func(c *check) {
		names := c.three()
		c.updateWith(secretsmanager.UpdateSecretInput{SecretId: &names[0], Description: aws.String("d")})
		c.same("names", entryNames(c.list(secretsmanager.ListSecretsInput{SortBy: "last-changed-date"})), []string{names[1], names[2], names[0]})
	}},
	{"ListSecrets sorts by the date of the last read", documented("apireference/API_ListSecrets.html"), func(c *check) {
		names := c.three()
		c.getByID(names[1])
		c.clock().Advance(48 * time.Hour)
		c.getByID(names[0])
		c.same("names", entryNames(c.list(secretsmanager.ListSecretsInput{SortBy: "last-accessed-date"})), []string{names[2], names[1], names[0]})
	}},
	{"ListSecrets answers in pages", documented("apireference/API_ListSecrets.html"), func(c *check) {
		names := c.three()
		c.same("names", entryNames(c.list(secretsmanager.ListSecretsInput{MaxResults: aws.Int32(1)})), names)
	}},
	{"a secret made between two pages of ListSecrets hides no other", ours, func(c *check) {
		names := c.three()
		in := secretsmanager.ListSecretsInput{SortBy: "name", MaxResults: aws.Int32(2), Filters: []types.Filter{{Key: "name", Values: []string{c.name}}}}
		first, err := c.ListSecrets(c.ctx, &in)
		c.must(err)
		c.createNamed(c.secret("aa"), token())
		c.removeNow(names[0])
		in.NextToken = first.NextToken
		second, err := c.ListSecrets(c.ctx, &in)
		c.must(err)
		c.same("second page", entryNames(second.SecretList), []string{names[1]})
	}},
	{"ListSecrets leaves out what is scheduled for deletion, unless asked", documented("apireference/API_ListSecrets.html"), func(c *check) {
		c.create(token())
		c.remove()
		c.same("names", entryNames(c.list(secretsmanager.ListSecretsInput{})), []string{})
		got := c.list(secretsmanager.ListSecretsInput{IncludePlannedDeletion: aws.Bool(true)})
		if len(got) != 1 {
			c.fatalf("%d secrets", len(got))
		}
		c.same("has DeletedDate", got[0].DeletedDate != nil, true)
	}},
	{"ListSecrets refuses a token that was never given", model, func(c *check) {
		c.code(c.listErr(secretsmanager.ListSecretsInput{NextToken: aws.String(token())}), "InvalidNextTokenException")
	}},
	{"ListSecrets refuses MaxResults of 0 and of 101", model, func(c *check) {
		c.refused(c.listErr(secretsmanager.ListSecretsInput{MaxResults: aws.Int32(0)}),
			"ValidationException", violation("Value '0'", "maxResults", "have value greater than or equal to 1"))
		c.refused(c.listErr(secretsmanager.ListSecretsInput{MaxResults: aws.Int32(101)}),
			"ValidationException", violation("Value '101'", "maxResults", "have value less than or equal to 100"))
	}},
	{"ListSecrets refuses an order that does not exist", model, func(c *check) {
		c.code(c.listErr(secretsmanager.ListSecretsInput{SortBy: "size"}), "ValidationException")
		c.code(c.listErr(secretsmanager.ListSecretsInput{SortOrder: "up"}), "ValidationException")
	}},
}
