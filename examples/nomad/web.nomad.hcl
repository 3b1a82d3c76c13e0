# One container with nginx and its app (examples/container). Nomad asks gosv in it how it is, and
# Consul gets passing, warning or critical.
job "web" {
  datacenters = ["dc1"]
  type        = "service"

  group "web" {
    count = 2

    network {
      port "http" { to = 8080 }
    }

    restart {
      attempts = 3
      interval = "10m"
      delay    = "15s"
      mode     = "fail"
    }

    service {
      name = "web"
      port = "http"

      check {
        name     = "ready"
        type     = "script"
        task     = "web"
        command  = "gosv"
        args     = ["healthcheck", "--consul", "-c", "/local/gosv.toml"]
        interval = "10s"
        timeout  = "5s"
      }

      check {
        name     = "live"
        type     = "script"
        task     = "web"
        command  = "gosv"
        args     = ["healthcheck", "--live", "-c", "/local/gosv.toml"]
        interval = "10s"
        timeout  = "5s"

        check_restart {
          limit = 3
          grace = "60s"
        }
      }
    }

    task "web" {
      driver       = "docker"
      kill_timeout = "30s"

      config {
        image           = "registry.example.com/web:1"
        args            = ["daemon", "-c", "/local/gosv.toml"]
        ports           = ["http"]
        readonly_rootfs = true
        cap_drop        = ["ALL"]
      }

      template {
        destination = "local/gosv.toml"
        data        = <<EOF
[unix_http_server]
file = "@gosv"

[supervisord]
logfile = "none"
pidfile = "none"
log_format = "prefix"
exit_on = "fatal"
drain_secs = 5
shutdown_timeout = 25

[program.app]
command = ["/usr/bin/python3", "-u", "/srv/app/app.py", "127.0.0.1:8000"]
stdout_logfile = "/dev/stdout"
stdout_logfile_maxbytes = 0
redirect_stderr = true
EOF
      }

      resources {
        cpu    = 200
        memory = 256
      }
    }
  }
}
