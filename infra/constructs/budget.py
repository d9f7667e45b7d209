"""The budget. It warns of costs, and ends nothing."""

from aws_cdk import aws_budgets as budgets
from constructs import Construct


class Budget(Construct):
    """Send an email when the account, not only this stack, has cost 80 percent of an amount in a month.

    It has no name, because names of budgets are unique in an account.
    """

    def __init__(self, scope: Construct, construct_id: str, *, email: str, dollars: int) -> None:
        super().__init__(scope, construct_id)
        budgets.CfnBudget(
            self,
            "Budget",
            budget=budgets.CfnBudget.BudgetDataProperty(
                budget_type="COST",
                time_unit="MONTHLY",
                budget_limit=budgets.CfnBudget.SpendProperty(amount=dollars, unit="USD"),
            ),
            notifications_with_subscribers=[
                budgets.CfnBudget.NotificationWithSubscribersProperty(
                    notification=budgets.CfnBudget.NotificationProperty(
                        notification_type="ACTUAL",
                        comparison_operator="GREATER_THAN",
                        threshold=80,
                        threshold_type="PERCENTAGE",
                    ),
                    subscribers=[budgets.CfnBudget.SubscriberProperty(subscription_type="EMAIL", address=email)],
                )
            ],
        )
