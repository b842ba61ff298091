package bridge

import (
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Config is what a configuration file says.
type Config struct {
	Application string `yaml:"application"`
	Kafka       Kafka  `yaml:"kafka"`
	Redis       Redis  `yaml:"redis"`
	// ExactlyOnce has offsets and dead letters commit together. Redis holds each record
	// once without it too.
	ExactlyOnce bool `yaml:"exactly_once"`
	// DeadLetter is the topic for records that Redis refuses; if it is empty they end the
	// bridge.
	DeadLetter string `yaml:"dead_letter"`
	// OnLoss is report, rebuild, rebuild-rest or accept: what is done if Redis has lost
	// data. See package connectors.
	OnLoss string  `yaml:"on_loss"`
	Routes []Route `yaml:"routes"`
}

// Kafka says where the topics are. ${NAME} in User and Password is taken from the
// environment.
type Kafka struct {
	Brokers []string `yaml:"brokers"`
	TLS     bool     `yaml:"tls"`
	// CA is a PEM file of the authorities to trust instead of the system's, Cert and Key
	// are those of the client's certificate, if the brokers ask for one.
	CA   string `yaml:"ca"`
	Cert string `yaml:"cert"`
	Key  string `yaml:"key"`
	SASL *SASL  `yaml:"sasl"`
}

// SASL is how to log in to Kafka: Mechanism is plain, scram-sha-256 or scram-sha-512.
type SASL struct {
	Mechanism string `yaml:"mechanism"`
	User      string `yaml:"user"`
	Password  string `yaml:"password"`
}

// Redis says where Redis is. ${NAME} in its strings is taken from the environment.
type Redis struct {
	// URL is redis://user:password@host:port/db, or rediss:// for TLS. With mode sentinel
	// it names the sentinels, and ?master_name= the master.
	URL string `yaml:"url"`
	// Mode is single, cluster or sentinel. A cluster has {application/route:partition}
	// before every key.
	Mode     string `yaml:"mode"`
	User     string `yaml:"user"`
	Password string `yaml:"password"`
	// CA, Cert and Key are as in Kafka.
	CA   string `yaml:"ca"`
	Cert string `yaml:"cert"`
	Key  string `yaml:"key"`
}

// Route is one topic and where its records go.
type Route struct {
	// Name is what positions are kept under, so that it must stay: topic-to by default.
	Name  string `yaml:"name"`
	Topic string `yaml:"topic"`
	// To is channel, stream, string, hash, list or set.
	To string `yaml:"to"`
	// Key is the channel or the key, Field the field of a hash or the member of a set, and
	// Value the message, string or element, by default the record's value. Fields are those
	// of an entry of a stream, by default key and value.
	Key    string `yaml:"key"`
	Field  string `yaml:"field"`
	Value  string `yaml:"value"`
	Fields Fields `yaml:"fields"`
	// Keep is how many entries or elements stay, all by default.
	Keep int `yaml:"keep"`
	// TTL has what is written expire.
	TTL time.Duration `yaml:"ttl"`
	// Newest leaves out records with an older timestamp than that of the key.
	Newest bool `yaml:"newest"`
	// FromLatest begins at the end of the topic, where nothing is committed.
	FromLatest bool `yaml:"from_latest"`
	// Batch is how many records are written at once, 1000 by default.
	Batch int `yaml:"batch"`
}

// Fields are names and templates of values, in the order of the file.
type Fields []Field

// Field is a field of an entry.
type Field struct{ Name, Value string }

// UnmarshalYAML keeps the order.
func (f *Fields) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind != yaml.MappingNode {
		return fmt.Errorf("line %d: fields are written as name: value", node.Line)
	}
	*f = Fields{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		*f = append(*f, Field{Name: node.Content[i].Value, Value: node.Content[i+1].Value})
	}
	return nil
}

// Load reads and checks a configuration file. The error has a line for each fault.
func Load(path string) (Config, error) {
	file, err := os.Open(path)
	if err != nil {
		return Config{}, err
	}
	defer file.Close()
	c, err := Parse(file)
	if err != nil {
		return c, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

// unknown is how the YAML library says that there is no such field.
var unknown = regexp.MustCompile(`field (\S+) not found in type \S+`)

// Parse reads and checks a configuration. The error has a line for each fault.
func Parse(r io.Reader) (Config, error) {
	var c Config
	decoder := yaml.NewDecoder(r)
	decoder.KnownFields(true)
	err := decoder.Decode(&c)
	var types *yaml.TypeError
	switch {
	case errors.Is(err, io.EOF):
		return c, errors.New("the file is empty")
	case errors.As(err, &types):
		var faults []error
		for _, line := range types.Errors {
			faults = append(faults, errors.New(unknown.ReplaceAllString(line, "there is no field $1")))
		}
		return c, errors.Join(faults...)
	case err != nil:
		return c, errors.New(strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if err := c.expand(); err != nil {
		return c, err
	}
	c.defaults()
	return c, c.Check()
}

func (c *Config) defaults() {
	if c.OnLoss == "" {
		c.OnLoss = "report"
	}
	if c.Redis.Mode == "" {
		c.Redis.Mode = "single"
	}
	for i := range c.Routes {
		r := &c.Routes[i]
		if r.Name == "" && r.Topic != "" {
			r.Name = r.Topic + "-" + r.To
		}
		if r.Value == "" && r.To != "stream" && r.To != "set" {
			r.Value = "{value}"
		}
		if r.To == "stream" && r.Fields == nil {
			r.Fields = Fields{{"key", "{key}"}, {"value", "{value}"}}
		}
		if r.Batch == 0 {
			r.Batch = 1000
		}
	}
}

var variable = regexp.MustCompile(`\$\{([^}]*)\}`)

// expand replaces ${NAME} in places for secrets.
func (c *Config) expand() error {
	type place struct {
		name string
		text *string
	}
	places := []place{{"redis.url", &c.Redis.URL}, {"redis.user", &c.Redis.User}, {"redis.password", &c.Redis.Password}}
	if s := c.Kafka.SASL; s != nil {
		places = append(places, place{"kafka.sasl.user", &s.User}, place{"kafka.sasl.password", &s.Password})
	}
	var faults []error
	for _, p := range places {
		*p.text = variable.ReplaceAllStringFunc(*p.text, func(found string) string {
			name := found[2 : len(found)-1]
			value, ok := os.LookupEnv(name)
			if !ok {
				faults = append(faults, fmt.Errorf("%s: the environment has no %s", p.name, name))
			}
			return value
		})
	}
	return errors.Join(faults...)
}
