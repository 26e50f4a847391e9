resource "google_monitoring_notification_channel" "email" {
  display_name = "popups: on call"
  type         = "email"

  labels = {
    email_address = var.email
  }

  depends_on = [google_project_service.on]
}

data "google_project" "this" {
  project_id = var.project
}

# It tells at half, nine tenths and all of the amount, and stops nothing.
resource "google_billing_budget" "month" {
  count           = var.billing_account == "" ? 0 : 1
  billing_account = var.billing_account
  display_name    = "popups"

  budget_filter {
    projects = ["projects/${data.google_project.this.number}"]
  }

  amount {
    specified_amount {
      units = tostring(var.budget)
    }
  }

  dynamic "threshold_rules" {
    for_each = [0.5, 0.9, 1.0]

    content {
      threshold_percent = threshold_rules.value
    }
  }

  all_updates_rule {
    monitoring_notification_channels = [google_monitoring_notification_channel.email.id]
  }
}
