package conformance

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
)

// pairs is a list of tags from keys and values in turn.
func pairs(text ...string) []types.Tag {
	list := []types.Tag{}
	for i := 0; i < len(text); i += 2 {
		list = append(list, types.Tag{Key: &text[i], Value: &text[i+1]})
	}
	return list
}

func (c *check) tag(text ...string)   { c.must(c.tagErr(pairs(text...))) }
func (c *check) untag(keys ...string) { c.must(c.untagErr(keys)) }

func (c *check) tagErr(tags []types.Tag) error {
	_, err := c.TagResource(c.ctx, &secretsmanager.TagResourceInput{SecretId: &c.name, Tags: tags})
	return err
}

func (c *check) untagErr(keys []string) error {
	_, err := c.UntagResource(c.ctx, &secretsmanager.UntagResourceInput{SecretId: &c.name, TagKeys: keys})
	return err
}

var tagging = []behaviour{
	{"tags are absent, come in order, and end as an empty list", recorded("test_secret_tags"), func(c *check) {
		c.createWith(secretsmanager.CreateSecretInput{})
		c.same("never tagged", c.describe().Tags, nil)
		c.tag("tag1", "value1")
		c.same("tag1", c.describe().Tags, pairs("tag1", "value1"))
		c.tag("tag2", "value2")
		c.same("tag2", c.describe().Tags, pairs("tag1", "value1", "tag2", "value2"))
		c.untag("tag1")
		c.same("tag2 alone", c.describe().Tags, pairs("tag2", "value2"))
		c.untag("tag2")
		c.same("none", c.describe().Tags, pairs())
		c.tag("tag3", "value3", "tag4", "value4")
		c.same("two at once", c.describe().Tags, pairs("tag3", "value3", "tag4", "value4"))
		c.untag("tag3", "tag4")
		c.same("none again", c.describe().Tags, pairs())
	}},
	{"TagResource gives a tag another value", documented("apireference/API_TagResource.html"), func(c *check) {
		c.createWith(secretsmanager.CreateSecretInput{Tags: pairs("k", "before", "l", "")})
		c.tag("k", "after")
		c.same("tags", c.describe().Tags, pairs("k", "after", "l", ""))
	}},
	{"UntagResource of a tag that is not there succeeds", ours, func(c *check) {
		c.createWith(secretsmanager.CreateSecretInput{Tags: pairs("k", "v")})
		c.untag("other")
		c.same("tags", c.describe().Tags, pairs("k", "v"))
	}},
	{"tag keys that begin with aws: are refused", documented("apireference/API_TagResource.html"), func(c *check) {
		c.createWith(secretsmanager.CreateSecretInput{Tags: pairs("k", "v")})
		if c.tagErr(pairs("aws:x", "v")) == nil {
			c.errorf("TagResource took it")
		}
		_, err := c.CreateSecret(c.ctx, &secretsmanager.CreateSecretInput{Name: aws.String(c.secret("other")), Tags: pairs("aws:x", "v")})
		if err == nil {
			c.errorf("CreateSecret took it")
		}
		c.same("tags", c.describe().Tags, pairs("k", "v"))
	}},
	{"a tag without a key, and a key given twice, are refused", ours, func(c *check) {
		c.createWith(secretsmanager.CreateSecretInput{Tags: pairs("k", "v")})
		c.code(c.tagErr([]types.Tag{{Value: aws.String("v")}}), "InvalidParameterException")
		c.code(c.tagErr(pairs("l", "1", "l", "2")), "InvalidParameterException")
		c.same("tags", c.describe().Tags, pairs("k", "v"))
	}},
	{"a secret scheduled for deletion refuses tags", verified("LocalStack test_tag_untag_resource_on_deleted_secret"), func(c *check) {
		c.createWith(secretsmanager.CreateSecretInput{SecretString: aws.String(token()), Tags: pairs("initial-tag", "initial-value")})
		c.remove()
		c.marked(c.tagErr(pairs("new-tag", "new-value")))
		c.marked(c.untagErr([]string{"initial-tag"}))
	}},
	{"a secret has at most 50 tags", quotas, func(c *check) {
		c.createWith(secretsmanager.CreateSecretInput{Tags: tags(50)})
		if c.tagErr(pairs("one", "more")) == nil {
			c.errorf("51 tags")
		}
		c.tag("k0", "other")
		c.same("tags", len(c.describe().Tags), 50)
	}},
	{"TagResource refuses a key of 129", model, func(c *check) {
		c.refused(c.tagErr(pairs(longKey[:129], "v")), "ValidationException", violation("Value '"+longKey[:129]+"'", "tags.1.member.key", "have length less than or equal to 128"))
	}},
	{"TagResource and UntagResource of an absent secret", documented("apireference/API_TagResource.html"), func(c *check) {
		c.notFound(c.tagErr(pairs("k", "v")))
		c.notFound(c.untagErr([]string{"k"}))
	}},
}
