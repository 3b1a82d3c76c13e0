package conf

import "strconv"

// ServerURL is the daemon's own address, which children get as SUPERVISOR_SERVER_URL: the
// first unix server, else the last TCP one, as in Supervisor; "" when there is none.
func (c *Config) ServerURL() string {
	if len(c.UnixServers) > 0 {
		return "unix://" + c.UnixServers[0].File
	}
	url := ""
	for _, s := range c.InetServers {
		host := s.Host
		if host == "" {
			host = "localhost"
		}
		url = "http://" + host + ":" + strconv.Itoa(s.Port)
	}
	return url
}
